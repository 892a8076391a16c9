import { readFileSync } from "node:fs";
import type { NodeTransportTls } from "../../sdk/node-transport.js";
import { InputError, UsageError } from "./cli-error.js";
import type { Io } from "./io.js";
import type { GlobalOptions } from "./shell.js";

/**
 * What the caller says of TLS, by flag or by environment; flags win. Throws UsageError for a certificate without its key or the other
 * way round, InputError for a file that cannot be read.
 */
export function readClientTls(environment: Io["environment"], options: GlobalOptions): NodeTransportTls {
  const ca = readPem(options.ca ?? environment["SIGNET_CA"]);
  const cert = readPem(options.clientCert ?? environment["SIGNET_CLIENT_CERT"]);
  const key = readPem(options.clientKey ?? environment["SIGNET_CLIENT_KEY"]);
  if ((cert === undefined) !== (key === undefined)) {
    throw new UsageError("a client certificate and its key go together: --client-cert and --client-key");
  }
  return { ca, cert, key };
}

function readPem(path: string | undefined): string | undefined {
  if (path === undefined || path === "") return undefined;
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    throw new InputError(`cannot read ${path}`, { cause });
  }
}

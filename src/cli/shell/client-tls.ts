import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { createSecureContext } from "node:tls";
import type { NodeTransportTls } from "../../sdk/node-transport.js";
import { InputError, UsageError } from "./cli-error.js";
import type { GlobalOptions } from "./shell.js";
import { systemReason } from "../../sdk/runtime/node/node-files.js";

/**
 * The CA, client certificate and key that the options name, as PEM texts. Throws UsageError for a certificate without
 * a key or a key without a certificate, InputError for a file that cannot be used.
 */
export function readClientTls(options: GlobalOptions): NodeTransportTls {
  const ca = readCertificate(options.ca);
  const cert = readCertificate(options.clientCert);
  const key = readPem(options.clientKey);
  if ((cert === undefined) !== (key === undefined)) {
    throw new UsageError("pass --client-cert and --client-key together: a client certificate needs its key");
  }
  try {
    createSecureContext({ cert, key });
  } catch (cause) {
    throw new InputError("cannot use the client certificate with this key", { cause });
  }
  return { ca, cert, key };
}

/** Checked here because Node takes a text without a certificate for an empty list of CAs, and every connection fails. */
function readCertificate(path: string | undefined): string | undefined {
  const pem = readPem(path);
  if (pem === undefined) return undefined;
  try {
    new X509Certificate(pem);
    return pem;
  } catch (cause) {
    throw new InputError(`${path} contains no PEM certificate`, { cause });
  }
}

function readPem(path: string | undefined): string | undefined {
  if (path === undefined || path === "") return undefined;
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    throw new InputError(`cannot read ${path}: ${systemReason(cause)}`, { cause });
  }
}

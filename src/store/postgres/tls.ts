import { readFileSync } from "node:fs";
import type { ConnectionOptions } from "node:tls";
import { AppError } from "../../core/error.js";
import type { DatabaseUrl, SslMode } from "./database-url.js";

/** How the connections of one URL use TLS. */
export interface TlsPolicy {
  readonly mode: SslMode;
  /** Reads certificate files anew for each connection, so that renewed ones are used. Throws `unavailable` for one that cannot be read. */
  options(): ConnectionOptions;
}

/**
 * The URL's `sslmode`, as libpq means it:
 *
 * - `disable`: never
 * - `prefer` (the default without a CA): encrypted where the server can, by whatever certificate; no protection from an attacker
 * - `require`: encrypted, by whatever certificate; with a CA it is `verify-ca`
 * - `verify-ca`: signed by the CA, whatever host it names
 * - `verify-full` (the default with a CA): signed by the CA, or without one by those that Node trusts, and it names the host
 *
 * The CA is `ca` (PEM), or the URL's `sslrootcert`. Throws `invalid` for combinations that would check less than they seem to, and for
 * files that cannot be read.
 */
export function tlsPolicy(url: DatabaseUrl, ca: string | null): TlsPolicy {
  const { sslMode, sslRootCert } = url;
  const hasCa = ca !== null || sslRootCert !== null;
  if (ca !== null && sslRootCert !== null) {
    throw new AppError(
      "invalid",
      "the CA of the database is given twice: SIGNET_DATABASE_CA and sslrootcert in the URL",
    );
  }
  if (hasCa && (sslMode === "disable" || sslMode === "prefer")) {
    throw new AppError("invalid", `a CA of the database is given, but sslmode=${sslMode} in its URL would not use it`);
  }
  if (sslMode === "verify-ca" && !hasCa) {
    throw new AppError(
      "invalid",
      "sslmode=verify-ca in the URL of the database needs SIGNET_DATABASE_CA or sslrootcert",
    );
  }
  const mode = effectiveMode(sslMode, hasCa, sslRootCert === "system");
  const options = () => tlsOptions(url, ca, mode);
  if (mode !== "disable") {
    try {
      options();
    } catch (error) {
      throw error instanceof AppError ? new AppError("invalid", error.message, { cause: error.cause }) : error;
    }
  }
  return { mode, options };
}

function effectiveMode(mode: SslMode | null, hasCa: boolean, isSystem: boolean): SslMode {
  if (isSystem) return "verify-full";
  if (mode === null) return hasCa ? "verify-full" : "prefer";
  return mode === "require" && hasCa ? "verify-ca" : mode;
}

function tlsOptions(url: DatabaseUrl, ca: string | null, mode: SslMode): ConnectionOptions {
  const root =
    ca ?? (url.sslRootCert === null || url.sslRootCert === "system" ? null : read(url.sslRootCert, "sslrootcert"));
  return {
    ...(root === null ? {} : { ca: root }),
    ...(url.sslCert === null ? {} : { cert: read(url.sslCert, "sslcert") }),
    ...(url.sslKey === null ? {} : { key: read(url.sslKey, "sslkey") }),
    minVersion: "TLSv1.2",
    rejectUnauthorized: mode === "verify-ca" || mode === "verify-full",
    // Its signature is checked all the same; only the name is not.
    ...(mode === "verify-full" ? {} : { checkServerIdentity: () => undefined }),
  };
}

function read(path: string, parameter: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    throw new AppError("unavailable", `${parameter} of the database's URL: cannot read ${path}`, { cause });
  }
}

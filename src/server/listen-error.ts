import { AppError } from "../core/error.js";
import type { HostAndPort } from "../config/config.js";
import { RAISE_OPEN_FILES } from "../config/open-files.js";

/** The flags that set the address. */
export interface ListenFlags {
  readonly host: string;
  readonly port: string;
}

/** The AppError reason of a taken port. */
export const PORT_TAKEN = "port_taken";

/**
 * The reason for which a server cannot listen on an address: `conflict`, reason `port_taken`, for a port in use, `invalid` for an address
 * or a port that this process cannot have. Node's own error is the cause; any other error is returned unchanged.
 */
export function listenError(thrown: unknown, { host, port }: HostAndPort, flags: ListenFlags): unknown {
  if (!(thrown instanceof Error) || !("code" in thrown)) return thrown;
  const cause = { cause: thrown };
  switch (thrown.code) {
    case "EADDRINUSE":
      return new AppError("conflict", `port ${port} of ${host} is in use: choose another with ${flags.port}`, {
        ...cause,
        reason: PORT_TAKEN,
      });
    case "EACCES":
      return new AppError(
        "invalid",
        `permission denied: cannot listen on port ${port}; choose another with ${flags.port}`,
        cause,
      );
    case "EADDRNOTAVAIL":
    case "ENOTFOUND":
      return new AppError(
        "invalid",
        `${host} is not an address of this machine: choose another with ${flags.host}`,
        cause,
      );
    case "EMFILE":
    case "ENFILE":
      return new AppError("unavailable", `cannot open a port: too many open files: ${RAISE_OPEN_FILES}`, cause);
    default:
      return thrown;
  }
}

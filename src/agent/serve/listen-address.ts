import { isIP, isIPv4 } from "node:net";

/** Where the agent listens. */
export type ListenAddress =
  | { readonly host: string; /** 0: any free one. */ readonly port: number }
  | { /** Of a Unix socket. */ readonly socket: string };

/**
 * Whether only this machine reaches an address: a Unix socket, `localhost`, 127.0.0.0/8 or ::1. What listens elsewhere is for everybody who
 * reaches it: readers send no token that the agent checks.
 */
export function isLocalAddress(address: ListenAddress): boolean {
  if ("socket" in address) return true;
  const host = address.host.toLowerCase();
  if (host === "localhost" || host === "::1") return true;
  return isIPv4(host) && host.startsWith("127.");
}

/**
 * Whether a Host header may be answered: `localhost`, an address, or a name that was allowed. A page of the web whose name was made to lead
 * here (DNS rebinding) sends its own name.
 *
 * @param header undefined when there is none, as HTTP/1.0 sends it
 * @param allowed names in lower case
 */
export function isExpectedHost(header: string | undefined, allowed: ReadonlySet<string>): boolean {
  if (header === undefined) return true;
  const [, bracketed, plain = ""] = /^(?:\[([^\]]*)\]|([^:]*))(?::\d{1,5})?$/.exec(header.trim().toLowerCase()) ?? [];
  const host = bracketed ?? plain;
  return host === "localhost" || isIP(host) !== 0 || allowed.has(host);
}

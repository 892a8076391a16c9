import { AppError } from "../../core/error.js";
import { headerOf, type NodeRequest } from "../http/node-http.js";

/** Methods that change nothing (RFC 9110, section 9.2.1). */
const SAFE_METHODS: readonly string[] = ["GET", "HEAD", "OPTIONS"];

/** Whether an origin is one at which browsers find this server (cors.ts). */
export type IsOwnOrigin = (req: NodeRequest, origin: string) => boolean;

/**
 * What a request with a cookie is refused with, unless a page of the server's own origin sent it; null then. Browsers attach cookies to
 * requests that other pages make, which SameSite=Strict prevents only between sites, and so not between the hosts of one domain.
 *
 * `Sec-Fetch-Site`, which no page can set, decides when it is there (Fetch Metadata). Browsers leave it out for plain HTTP, and old ones
 * always: then `Origin` must be the server's own, and only a request that changes nothing may have none. What changes nothing may also be
 * asked for in the address bar (`none`).
 */
export function foreignOrigin(req: NodeRequest, isOwn: IsOwnOrigin): AppError | null {
  const isSafe = SAFE_METHODS.includes(req.method ?? "");
  const site = headerOf(req, "sec-fetch-site");
  if (site !== undefined) return site === "same-origin" || (isSafe && site === "none") ? null : refused();
  const origin = headerOf(req, "origin");
  if (origin === undefined) return isSafe ? null : refused();
  return isOwn(req, origin) ? null : refused();
}

function refused(): AppError {
  return new AppError(
    "forbidden",
    "a session of the console counts for calls of the console's own origin alone: send a token, or, behind a proxy that changes Host, " +
      "set SIGNET_PUBLIC_URL on the server",
    { reason: "foreign_origin" },
  );
}

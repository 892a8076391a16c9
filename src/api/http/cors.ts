import { cors as connectCors } from "@connectrpc/connect";
import { AppError } from "../../core/error.js";
import { authorityOf, endWith, headerOf, type NodeRequest, type NodeResponse } from "./node-http.js";

/** What the browser may know of a preflight's answer for so long; Chrome's upper limit. */
const MAX_AGE_SECONDS = 7200;

const METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"].join(", ");

const REQUEST_HEADERS = [
  ...connectCors.allowedHeaders,
  "Authorization",
  "X-API-Key",
  "X-Request-Id",
  "Idempotency-Key",
  "If-Unchanged",
  "If-Match",
  "If-None-Match",
  "Prefer",
  "Last-Event-ID",
].join(", ");

const EXPOSED_HEADERS = [
  ...connectCors.exposedHeaders,
  "X-Request-Id",
  "X-Total-Count",
  "Signet-Next-Before-Version",
  "X-RateLimit-Limit",
  "X-RateLimit-Remaining",
  "X-RateLimit-Reset",
  "Retry-After",
  "ETag",
  "Preference-Applied",
  "Signet-Sequence",
  "Signet-Deployment-Id",
  "Signet-Lease",
  "Content-Digest",
].join(", ");

/** Methods that change nothing (RFC 9110, section 9.2.1). */
const SAFE_METHODS: readonly string[] = ["GET", "HEAD", "OPTIONS"];

/** What CORS says about a request: it was a preflight and is answered, it must be refused, or neither. */
export type CorsVerdict = { readonly kind: "answered" | "go" } | { readonly kind: "refused"; readonly error: AppError };

/** Lets pages of the listed origins call from a browser, and refuses changes by pages of any other origin (api.md, "browsers"). */
export interface CorsPolicy {
  /** Of every answer, with or without Origin. */
  readonly headers: Readonly<Record<string, string>>;
  /** Sets the answer's CORS headers; answers a preflight from a listed origin. */
  check(req: NodeRequest, res: NodeResponse): CorsVerdict;
  /** Whether an origin is one at which browsers find this server itself. */
  isOwn(req: NodeRequest, origin: string): boolean;
}

/**
 * @param origins exact origins such as `https://console.example.com`; none turns CORS off. Credentials are never allowed.
 * @param publicOrigins where browsers find the server itself, when a proxy may have rewritten Host; none compares with Host
 */
export function createCorsPolicy(origins: readonly string[], publicOrigins: readonly string[] = []): CorsPolicy {
  const listed = new Set(origins);
  const headers: Readonly<Record<string, string>> = listed.size > 0 ? { Vary: "Origin" } : {};
  return {
    headers,
    isOwn: (req, origin) => isOwn(req, origin, publicOrigins),
    check: (req, res) => {
      for (const [name, value] of Object.entries(headers)) res.setHeader(name, value);
      const origin = headerOf(req, "origin");
      if (origin === undefined) return { kind: "go" };
      if (listed.has(origin)) return allow(req, res, origin);
      if (SAFE_METHODS.includes(req.method ?? "") || isOwn(req, origin, publicOrigins)) return { kind: "go" };
      return { kind: "refused", error: new AppError("forbidden", "changes from this origin are not allowed") };
    },
  };
}

function allow(req: NodeRequest, res: NodeResponse, origin: string): CorsVerdict {
  res.setHeader("Access-Control-Allow-Origin", origin);
  if (req.method !== "OPTIONS" || headerOf(req, "access-control-request-method") === undefined) {
    res.setHeader("Access-Control-Expose-Headers", EXPOSED_HEADERS);
    return { kind: "go" };
  }
  endWith(res, 204, {
    "Access-Control-Allow-Methods": METHODS,
    "Access-Control-Allow-Headers": REQUEST_HEADERS,
    "Access-Control-Max-Age": String(MAX_AGE_SECONDS),
  });
  return { kind: "answered" };
}

/** https counts too: a proxy that ends TLS passes the Host on, but not that it was https. */
function isOwn(req: NodeRequest, origin: string, publicOrigins: readonly string[]): boolean {
  if (publicOrigins.length > 0) return publicOrigins.includes(origin);
  const authority = authorityOf(req)?.toLowerCase();
  if (authority === undefined || /[/?#@\\]/.test(authority)) return false;
  const encrypted = "encrypted" in req.socket && req.socket.encrypted === true;
  return origin === originOf("https", authority) || (!encrypted && origin === originOf("http", authority));
}

/** As a browser writes it: some proxies name the default port, browsers never do. */
function originOf(scheme: string, authority: string): string | undefined {
  const url = `${scheme}://${authority}`;
  return URL.canParse(url) ? new URL(url).origin : undefined;
}

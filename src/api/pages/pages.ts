import { createHash } from "node:crypto";
import { answerError } from "../http/answer.js";
import { methodNotAllowed } from "../http/error-body.js";
import { entityTags } from "../http/runtime-headers.js";
import { endWith, headerOf, type NodeRequest, type NodeResponse } from "../http/node-http.js";

/** A file that is the same for everybody until the next release. */
export interface Page {
  /** The whole path, for example `/docs`. */
  readonly path: string;
  readonly contentType: string;
  /** Called once, at the first request. */
  readonly read: () => Uint8Array;
}

/** Answers files: for everybody, without a token, and never counted by rate limits. */
export interface Pages {
  /** Whether it answers this path, to this client. */
  has(path: string, req: NodeRequest): boolean;
  /** Throws what `read` throws, before anything is written. */
  answer(path: string, req: NodeRequest, res: NodeResponse, requestId: string): void;
}

/**
 * Nothing but what this server serves itself: no inline script or style, no frame, no form, no other host. Images may be data URIs,
 * which is how style sheets carry their icons.
 */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

interface Loaded {
  readonly body: Uint8Array;
  readonly tag: string;
}

/**
 * Serves files with a strong ETag, which a client may keep as long as it asks again (RFC 9111, `no-cache`). Throws when two have the
 * same path.
 */
export function createPages(pages: readonly Page[]): Pages {
  const byPath = new Map(pages.map((page) => [page.path, page]));
  if (byPath.size < pages.length) throw new Error("two pages have the same path");
  const loaded = new Map<string, Loaded>();
  const load = ({ path, read }: Page): Loaded => {
    const known = loaded.get(path);
    if (known !== undefined) return known;
    const body = read();
    const made = { body, tag: createHash("sha256").update(body).digest("base64url") };
    loaded.set(path, made);
    return made;
  };
  return {
    has: (path) => byPath.has(path),
    answer: (path, req, res, requestId) => {
      const page = byPath.get(path);
      if (page === undefined) throw new Error(`no such page: ${path}`);
      if (req.method !== "GET" && req.method !== "HEAD") {
        answerError(req, res, methodNotAllowed(req.method ?? "", ["GET", "HEAD"], requestId));
        return;
      }
      write(req, res, page, load(page));
    },
  };
}

/** The first of several that has the path answers. */
export function joinPages(all: readonly Pages[]): Pages {
  return {
    has: (path, req) => all.some((each) => each.has(path, req)),
    answer: (path, req, res, requestId) => all.find((each) => each.has(path, req))?.answer(path, req, res, requestId),
  };
}

function write(req: NodeRequest, res: NodeResponse, { contentType }: Page, { body, tag }: Loaded): void {
  const headers = {
    ETag: `"${tag}"`,
    "Cache-Control": "no-cache",
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "Referrer-Policy": "no-referrer",
  };
  const known = entityTags(headerOf(req, "if-none-match") ?? null);
  if (known.includes(tag) || known.includes("*")) return endWith(res, 304, headers);
  const described = { ...headers, "Content-Type": contentType, "Content-Length": String(body.byteLength) };
  endWith(res, 200, described, req.method === "HEAD" ? undefined : body);
}

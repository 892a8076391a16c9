import { createHash } from "node:crypto";
import { answerError } from "../http/answer.js";
import { methodNotAllowed } from "../http/error-body.js";
import { entityTags } from "../../core/http/conditional-request.js";
import { endWith, headerOf, type NodeRequest, type NodeResponse } from "../http/node-http.js";
import { encodingFor } from "./quality.js";

/** A file that is the same for everybody until the next release. */
export interface Page {
  /** The whole path, for example `/docs`. */
  readonly path: string;
  readonly contentType: string;
  /** The compressed forms that there are, the smallest first. */
  readonly encodings?: readonly Encoding[];
  /** None of its scripts turns texts into markup or scripts: browsers then refuse that (Trusted Types). */
  readonly isPlain?: boolean;
  /** Its name stands for its content and never changes: clients keep it for a year (RFC 8246). */
  readonly isImmutable?: boolean;
  /** The bytes in one of the encodings, null for as it is. Called once for each, at the first request. */
  readonly read: (encoding: Encoding | null) => Uint8Array;
}

/** A form that a page can be compressed in. */
type Encoding = "br" | "gzip";

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

const PLAIN_POLICY = `${CONTENT_SECURITY_POLICY}; require-trusted-types-for 'script'`;

interface Loaded {
  readonly body: Uint8Array;
  readonly encoding: Encoding | null;
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
  const load = ({ path, read }: Page, encoding: Encoding | null): Loaded => {
    const key = `${encoding ?? ""} ${path}`;
    const known = loaded.get(key);
    if (known !== undefined) return known;
    const body = read(encoding);
    const made = { body, encoding, tag: createHash("sha256").update(body).digest("base64url") };
    loaded.set(key, made);
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
      write(req, res, page, load(page, encodingFor(headerOf(req, "accept-encoding"), page.encodings ?? [])));
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

function write(req: NodeRequest, res: NodeResponse, page: Page, { body, encoding, tag }: Loaded): void {
  const { contentType, encodings = [], isImmutable = false, isPlain = false } = page;
  const vary = [res.getHeader("vary"), encodings.length > 0 ? "Accept-Encoding" : undefined].filter(
    (each) => each !== undefined,
  );
  const headers = {
    ETag: `"${tag}"`,
    "Cache-Control": isImmutable ? "public, max-age=31536000, immutable" : "no-cache",
    "Content-Security-Policy": isPlain ? PLAIN_POLICY : CONTENT_SECURITY_POLICY,
    "Referrer-Policy": "no-referrer",
    ...(vary.length === 0 ? {} : { Vary: vary.join(", ") }),
  };
  const known = entityTags(headerOf(req, "if-none-match") ?? null);
  if (known.includes(tag) || known.includes("*")) return endWith(res, 304, headers);
  const described = {
    ...headers,
    ...(encoding === null ? {} : { "Content-Encoding": encoding }),
    "Content-Type": contentType,
    "Content-Length": String(body.byteLength),
  };
  endWith(res, 200, described, req.method === "HEAD" ? undefined : body);
}

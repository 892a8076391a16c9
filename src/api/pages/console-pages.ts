import { createHash } from "node:crypto";
import { AppError } from "../../core/error.js";
import { answerError } from "../http/answer.js";
import { errorAnswer, methodNotAllowed } from "../http/error-body.js";
import { endWith, headerOf, type NodeRequest, type NodeResponse } from "../http/node-http.js";
import { entityTags } from "../../core/http/conditional-request.js";
import type { Pages } from "./pages.js";
import { encodingFor } from "./quality.js";

/** Where the console is, with the slash at its end. */
export const CONSOLE_PATH = "/console/";

/** Signs in and out: not a file, and answered by others. */
const SESSION_PATH = "/console/session";

const PAGE_FILE = "index.html";
/** What the build names by its content. */
const ASSETS_FOLDER = "assets/";

/** Deeper than any screen: the page is kept once for each depth. */
const MAX_DEPTH = 32;

/** A file of the built console. */
export interface ConsoleFile {
  /** Below `/console/`, for example `assets/console-1A2B3C4D.js`. */
  readonly path: string;
  /** Its Content-Type. */
  readonly type: string;
  /** The forms that were compressed at build, the smallest first. */
  readonly encodings: readonly ("br" | "gzip")[];
}

/** The console as it was built. */
export interface ConsoleBuild {
  readonly files: readonly ConsoleFile[];
  /** The bytes of a file in one of its encodings; null is as it is. Called once for each. */
  read(path: string, encoding: "br" | "gzip" | null): Uint8Array;
}

/**
 * The console's policy: nothing from another origin, nothing inline, no text that becomes markup or script but through Trusted Types,
 * in no frame.
 */
const SECURITY_HEADERS: Readonly<Record<string, string>> = {
  "Content-Security-Policy": [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "connect-src 'self'",
    "img-src 'self' data:",
    "frame-ancestors 'none'",
    "base-uri 'self'",
    "form-action 'self'",
    "require-trusted-types-for 'script'",
  ].join("; "),
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Resource-Policy": "same-origin",
  "Permissions-Policy": "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
  "Referrer-Policy": "no-referrer",
};

/** What a name with a content hash stands for never changes (RFC 8246). */
const FOREVER = "public, max-age=31536000, immutable";

interface Loaded {
  readonly body: Uint8Array;
  readonly headers: Readonly<Record<string, string>>;
  readonly tag: string;
}

/**
 * Serves the console below `/console/`: its files, and for every other path but those of `assets/` and the session its one page, which
 * finds its screen by the path. Without a build it says so with 503.
 *
 * The page's `<base>` leads from the path of the request back to `/console/` by its depth alone. So it is right below any prefix that a
 * proxy adds, under any host, and nothing that a client sends gets into it.
 */
export function createConsolePages(build: ConsoleBuild | null): Pages {
  const files = new Map((build?.files ?? []).map((file) => [file.path, file]));
  const loaded = new Map<string, Loaded>();
  const keep = (key: string, load: () => Loaded): Loaded => {
    const known = loaded.get(key);
    if (known !== undefined) return known;
    const made = load();
    loaded.set(key, made);
    return made;
  };
  return {
    has: (path) =>
      path === CONSOLE_PATH.slice(0, -1) ||
      (path.startsWith(CONSOLE_PATH) && path !== SESSION_PATH && !path.startsWith(`${SESSION_PATH}/`)),
    answer: (path, req, res, requestId) => {
      if (req.method !== "GET" && req.method !== "HEAD") {
        answerError(req, res, methodNotAllowed(req.method ?? "", ["GET", "HEAD"], requestId));
        return;
      }
      // Relative, as a proxy may have taken a prefix off.
      if (path.length < CONSOLE_PATH.length) return endWith(res, 303, { Location: "console/", "Content-Length": "0" });
      if (build === null) return writeText(req, res, 503, NOT_BUILT);
      const name = path.slice(CONSOLE_PATH.length);
      const file = files.get(name);
      if (file !== undefined && name !== PAGE_FILE) {
        const encoding = encodingFor(headerOf(req, "accept-encoding"), file.encodings);
        return write(
          req,
          res,
          keep(`${encoding ?? ""} ${name}`, () => loadFile(build, file, encoding)),
        );
      }
      const depth = name.split("/").length - 1;
      if (name.startsWith(ASSETS_FOLDER) || depth > MAX_DEPTH) {
        const error = new AppError("not_found", "the console has no such file");
        answerError(req, res, errorAnswer(error, requestId));
        return;
      }
      write(
        req,
        res,
        keep(`page ${depth}`, () => loadPage(build, depth)),
      );
    },
  };
}

const NOT_BUILT = `The console is not built: run "npm run build:compile" and start the server again.
Everything else works: the API is at /docs, the command line is signet.
`;

function loadFile(build: ConsoleBuild, { path, type, encodings }: ConsoleFile, encoding: "br" | "gzip" | null): Loaded {
  const headers = {
    "Content-Type": type,
    "Cache-Control": path.startsWith(ASSETS_FOLDER) ? FOREVER : "no-cache",
    ...(encodings.length > 0 ? { Vary: "Accept-Encoding" } : {}),
    ...(encoding === null ? {} : { "Content-Encoding": encoding }),
  };
  return tagged(build.read(path, encoding), headers);
}

/** As it is built, with the base that leads back from a path so deep. Too small to be compressed. */
function loadPage(build: ConsoleBuild, depth: number): Loaded {
  const [before, after] = Buffer.from(build.read(PAGE_FILE, null))
    .toString()
    .split(/(?<=<base href=")[^"]*(?=")/);
  if (before === undefined || after === undefined) throw new Error("the console's page has no <base href>");
  const base = depth === 0 ? "./" : "../".repeat(depth);
  const type = build.files.find(({ path }) => path === PAGE_FILE)?.type ?? "text/html; charset=utf-8";
  return tagged(Buffer.from(before + base + after), { "Content-Type": type, "Cache-Control": "no-cache" });
}

/** The tag is of the bytes that are sent: each encoding has its own, as a strong tag must. */
function tagged(body: Uint8Array, headers: Readonly<Record<string, string>>): Loaded {
  return { body, headers, tag: createHash("sha256").update(body).digest("base64url") };
}

function write(req: NodeRequest, res: NodeResponse, { body, headers, tag }: Loaded): void {
  const { "Content-Type": type = "", "Content-Encoding": encoding, ...kept } = headers;
  const all: Record<string, string> = { ...SECURITY_HEADERS, ...kept, ETag: `"${tag}"` };
  const vary = [res.getHeader("vary"), kept["Vary"]].filter((each) => each !== undefined).join(", ");
  if (vary !== "") all["Vary"] = vary;
  const known = entityTags(headerOf(req, "if-none-match") ?? null);
  if (known.includes(tag) || known.includes("*")) return endWith(res, 304, all);
  all["Content-Type"] = type;
  all["Content-Length"] = String(body.byteLength);
  if (encoding !== undefined) all["Content-Encoding"] = encoding;
  endWith(res, 200, all, req.method === "HEAD" ? undefined : body);
}

function writeText(req: NodeRequest, res: NodeResponse, status: number, text: string): void {
  const body = Buffer.from(text);
  const headers = {
    ...SECURITY_HEADERS,
    "Content-Type": "text/plain; charset=utf-8",
    "Content-Length": String(body.byteLength),
    "Cache-Control": "no-store",
  };
  endWith(res, status, headers, req.method === "HEAD" ? undefined : body);
}

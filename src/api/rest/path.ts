import { AppError } from "../../core/error.js";

/** The two halves of a request target, still percent-encoded. */
export interface Target {
  readonly path: string;
  readonly query: string;
}

/** What no name may have: separators of any system, and characters that do not print. */
const UNSAFE = /[/\\\u0000-\u001f\u007f-\u009f]/;

/**
 * Splits a request target in origin or absolute form (RFC 9112, section 3.2).
 * Throws `malformed` when it has characters that a URI cannot have (RFC 3986): they stand for bytes of unknown encoding.
 */
export function parseTarget(target: string): Target {
  if (/[^\x21-\x7e]/.test(target))
    throw new AppError("malformed", "the path has characters that are not percent-encoded");
  const origin = target.replace(/^https?:\/\/[^/?]*/i, "");
  const mark = origin.indexOf("?");
  if (mark < 0) return { path: origin, query: "" };
  return { path: origin.slice(0, mark), query: origin.slice(mark + 1) };
}

/**
 * The segments of a path, still percent-encoded; nothing is normalized. Undefined when one is empty (`//`, a slash at the end) or
 * the path does not start with a slash: no template matches those.
 * Throws `malformed` when a segment is not percent-encoded UTF-8, whether or not a route exists.
 */
export function splitPath(path: string): string[] | undefined {
  const [before, ...segments] = path.split("/");
  for (const segment of segments) decodePercent(segment, "path");
  return before !== "" || segments.length === 0 || segments.includes("") ? undefined : segments;
}

/**
 * A segment decoded, once. Undefined when it could be taken for something else further in: `.`, `..`, or with `/`, `\` or a
 * control character in it. Such a segment matches nothing.
 */
export function segmentText(raw: string): string | undefined {
  return safe(decodePercent(raw, "path"));
}

/**
 * A segment as `**` takes it: decoded but for `%2F`, which stays as it came (google.api.http, "Path template syntax"), so that
 * the slashes of the value are the slashes of the path. Undefined as in `segmentText`.
 */
export function restSegmentText(raw: string): string | undefined {
  return safe(
    decodePercent(
      raw.replace(/%2f/gi, (slash) => `%25${slash.slice(1)}`),
      "path",
    ),
  );
}

/** Percent-decodes a text, once. Throws `malformed` for a broken escape and for bytes that are not UTF-8. */
export function decodePercent(raw: string, where: "path" | "query"): string {
  if (!raw.includes("%")) return raw;
  try {
    return decodeURIComponent(raw);
  } catch {
    throw new AppError("malformed", `the ${where} is not percent-encoded UTF-8`);
  }
}

function safe(text: string): string | undefined {
  return text === "." || text === ".." || UNSAFE.test(text) ? undefined : text;
}

import { AppError } from "../core/error.js";

/** The URL by which others reach the server, when a proxy stands before it. */
export interface PublicUrl {
  /** As browsers write it in Origin: without default ports. */
  readonly origin: string;
  /** What stands before every path, for example `/signet`; "" for nothing. */
  readonly path: string;
}

/** More is a mistake; each request's path is compared with each. */
const MAX_PUBLIC_URLS = 16;

/**
 * Comma-separated URLs without repetitions, in their order; the first one stands in links. Throws `invalid` unless each is an http or
 * https URL without a query, a fragment and credentials, and for more than 16.
 */
export function parsePublicUrls(value: string, name: string): readonly PublicUrl[] {
  const parts = value.split(",").flatMap((part) => (part.trim() === "" ? [] : [part.trim()]));
  const urls = new Map(parts.map((part) => [part, parsePublicUrl(part, name)] as const));
  const byText = new Map([...urls.values()].map((url) => [formatPublicUrl(url), url] as const));
  if (byText.size > MAX_PUBLIC_URLS) throw new AppError("invalid", `${name} has more than ${MAX_PUBLIC_URLS} URLs`);
  return [...byText.values()];
}

/** The URL as text, without a slash at its end. */
export function formatPublicUrl({ origin, path }: PublicUrl): string {
  return origin + path;
}

function parsePublicUrl(value: string, name: string): PublicUrl {
  const url = URL.canParse(value) ? new URL(value) : null;
  const isPlain = url !== null && /^https?:$/.test(url.protocol) && url.origin + url.pathname === url.href;
  if (!isPlain || /[?#@]/.test(value)) {
    throw new AppError("invalid", `${name} must be a URL such as https://example.com/signet, not "${value}"`);
  }
  return { origin: url.origin, path: url.pathname.replace(/\/+$/, "") };
}

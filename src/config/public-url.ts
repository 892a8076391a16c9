import { AppError } from "../core/error.js";

/** The URL by which others reach the server, when a proxy stands before it. */
export interface PublicUrl {
  /** As browsers write it in Origin: without default ports. */
  readonly origin: string;
  /** What stands before every path, for example `/signet`; "" for nothing. */
  readonly path: string;
}

/** Throws `invalid` unless it is an http or https URL without a query, a fragment and credentials. */
export function parsePublicUrl(value: string, name: string): PublicUrl | null {
  if (value === "") return null;
  const url = URL.canParse(value) ? new URL(value) : null;
  const isPlain = url !== null && /^https?:$/.test(url.protocol) && url.origin + url.pathname === url.href;
  if (!isPlain || /[?#@]/.test(value)) {
    throw new AppError("invalid", `${name} must be a URL such as https://example.com/signet, not "${value}"`);
  }
  return { origin: url.origin, path: url.pathname.replace(/\/+$/, "") };
}

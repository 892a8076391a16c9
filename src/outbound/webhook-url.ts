import { createHash } from "node:crypto";
import { isIP } from "node:net";
import { invalidField } from "../core/error.js";
import { isHostName } from "./host-name.js";

const MAX_URL_CHARACTERS = 2_000;

/** A webhook's URL, read. */
export interface WebhookTarget {
  readonly isSecure: boolean;
  /** A host name in lower case and without the root's dot, or an IP address without brackets. */
  readonly host: string;
  readonly port: number;
  /** Host and port as the Host header has them. */
  readonly authority: string;
  /** Path and query; may hold secrets. */
  readonly path: string;
}

/**
 * Reads a webhook's URL: http or https, at most 2,000 characters, without credentials and without a fragment. What parsers do not
 * agree on (white space, control characters, backslashes, missing slashes) is refused; host names are normalized and all spellings
 * of an IPv4 address become one, as the URL standard has it.
 *
 * @throws AppError `invalid` about `url`, without the URL in it
 */
export function parseWebhookUrl(text: string): WebhookTarget {
  if (text.length > MAX_URL_CHARACTERS) throw refused(`must be at most ${MAX_URL_CHARACTERS} characters`, "too_long");
  if (/[\u0000-\u0020\u007f-\u00a0\u2028\u2029\\]/.test(text) || !text.isWellFormed()) {
    throw refused("must not contain spaces, control characters or backslashes", "character");
  }
  const [, authority] = /^https?:\/\/([^/?#]+)/i.exec(text) ?? [];
  const url = readUrl(text);
  if (authority === undefined || url === null) throw refused("must be an http or https URL", "url");
  if (authority.includes("@")) throw refused("must not contain credentials", "credentials");
  if (text.includes("#")) throw refused("must not have a fragment", "fragment");
  const isSecure = url.protocol === "https:";
  const host = url.hostname.replace(/^\[|\]$/g, "").replace(/\.$/, "");
  if (isIP(host) === 0 && !isHostName(host)) throw refused("must have a host name or an IP address", "host");
  if (url.port === "0") throw refused("must not have port 0", "port");
  url.hostname = isIP(host) === 6 ? `[${host}]` : host;
  const port = url.port === "" ? (isSecure ? 443 : 80) : Number(url.port);
  return { isSecure, host, port, authority: url.host, path: url.pathname + url.search };
}

/**
 * A webhook's URL for logs and the audit: host and port, and a digest of path and query, which may hold secrets: two URLs with one
 * description are the same one, and the description is not enough to call it.
 */
export function describeUrl(text: string): string {
  try {
    const { authority, path } = parseWebhookUrl(text);
    return `${authority} sha256:${createHash("sha256").update(path, "utf8").digest("hex").slice(0, 12)}`;
  } catch {
    return "invalid URL";
  }
}

/** Not URL.canParse: once it is compiled by V8, Node 20 takes the bytes of Latin-1 texts for UTF-8 there, and refuses "bücher.test". */
function readUrl(text: string): URL | null {
  try {
    return new URL(text);
  } catch {
    return null;
  }
}

function refused(msg: string, type: string) {
  return invalidField(["url"], msg, type);
}

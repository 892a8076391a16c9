import { isIP } from "node:net";

/**
 * A host name as it is compared and connected to: lower case, ASCII (IDNA), without the root's dot. Null for what is no name: an
 * address in any of the spellings that the URL standard reads as one (`127.1`, `0x7f000001`, `２１３０７０６４３３`), an empty or too
 * long label, a character beyond letters, digits, `-` and `_` (RFC 1123, section 2.1, and what is in use).
 */
export function normalizeHostName(text: string): string | null {
  if (/[\s/\\?#@:[\]%]/.test(text) || !URL.canParse(`http://${text}/`)) return null;
  const name = new URL(`http://${text}/`).hostname.replace(/\.$/, "");
  return isHostName(name) ? name : null;
}

/** Whether a text is a host name in its normalized form. */
export function isHostName(name: string): boolean {
  return isIP(name) === 0 && name.length <= 253 && name.split(".").every((label) => /^[a-z0-9_-]{1,63}$/.test(label));
}

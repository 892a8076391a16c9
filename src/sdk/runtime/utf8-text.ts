import { TrustError } from "../../bundle/trust/trust-error.js";

/**
 * The text of bytes in UTF-8. Nothing is replaced or left out, so that every verifier reads the same.
 *
 * @param name of the bytes in the error
 * @throws TrustError `malformed` for what is no UTF-8
 */
export function utf8Text(bytes: Uint8Array, name: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw new TrustError("malformed", `${name} is not UTF-8`, { cause });
  }
}

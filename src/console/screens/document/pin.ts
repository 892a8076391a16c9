import { AppError } from "../../../core/error.js";
import { parsePublicKey, type PublicKey } from "../../../bundle/keys.js";

/** Keys that a person trusts, whatever the server lists: PEM blocks, or ids of 16 hex digits that choose among the server's keys. */
export interface Pin {
  readonly keys: readonly PublicKey[];
  readonly ids: readonly string[];
}

/** The longest pin, in UTF-16 units: some dozens of keys. */
const MAX_PIN = 16 * 1024;

/**
 * Reads what was pasted as a pin. Returns a message for what is neither PEM nor a key id.
 */
export function parsePin(text: string): Pin | { readonly error: string } {
  if (text.length > MAX_PIN) return { error: "that is too long for keys" };
  const keys: PublicKey[] = [];
  let rest = text;
  for (const [block] of text.matchAll(/-----BEGIN PUBLIC KEY-----[^]*?-----END PUBLIC KEY-----/g)) {
    try {
      keys.push(parsePublicKey(block));
    } catch (thrown) {
      if (!(thrown instanceof AppError)) throw thrown;
      return { error: thrown.message };
    }
    rest = rest.replace(block, " ");
  }
  const words = rest.split(/[\s,]+/).filter((word) => word !== "");
  const wrong = words.find((word) => !/^[0-9a-f]{16}$/.test(word));
  if (wrong !== undefined)
    return { error: `"${wrong.slice(0, 40)}" is neither a PEM public key nor a key id (16 hex digits)` };
  if (keys.length + words.length === 0) return { error: "paste a PEM public key, or a key id" };
  return { keys, ids: words };
}

/** The keys that count under a pin: those in it, and of the server's those whose id it names. */
export function pinnedKeys(pin: Pin, ofServer: readonly PublicKey[]): readonly PublicKey[] {
  const chosen = ofServer.filter(({ keyId }) => pin.ids.includes(keyId));
  return [...pin.keys, ...chosen.filter(({ keyId }) => pin.keys.every((key) => key.keyId !== keyId))];
}

import { hash, randomBytes } from "node:crypto";
import { crc32 } from "node:zlib";
import { chosenKeyPrefix, type KeyType } from "../../core/token.js";

const LETTERS = { admin: "adm", ci: "ci", runtime: "rt", viewer: "vw", metrics: "mt" } as const satisfies Record<
  KeyType,
  string
>;
const PUBLIC_CHARACTERS = 8;
const SECRET_CHARACTERS = 43;
const ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/** The raw key of a new token, which is shown once, and its stored form. */
export interface RawKey {
  /** Empty if only the hash is known. */
  readonly rawKey: string;
  /** The first characters of the raw key: identifies the token in lists, logs and the audit log. */
  readonly keyPrefix: string;
  /** SHA-256, lower-case hex. */
  readonly hash: string;
}

/**
 * Generates a key: `signet_<type>_<8 public characters>_<43 secret characters><6 characters of CRC-32>`, all base 62. 43 characters
 * have 256 bits of entropy. The fixed prefix and the checksum let secret scanners recognize it.
 */
export function createRawKey(type: KeyType): RawKey {
  const keyPrefix = `signet_${LETTERS[type]}_${randomText(PUBLIC_CHARACTERS)}`;
  const unchecked = `${keyPrefix}_${randomText(SECRET_CHARACTERS)}`;
  const rawKey = `${unchecked}${checksum(unchecked)}`;
  return { rawKey, keyPrefix, hash: hashRawKey(rawKey) };
}

/** A key chosen by the operator: any text, so its prefix is derived from its hash. */
export function chosenRawKey(rawKey: string): RawKey {
  return { ...chosenKey(hashRawKey(rawKey)), rawKey };
}

/** A key generated elsewhere, of which only the hash is known. */
export function chosenKey(hash: string): RawKey {
  return { rawKey: "", keyPrefix: chosenKeyPrefix(hash), hash };
}

/** The SHA-256 by which a raw key is stored and looked up: lower-case hex. */
export function hashRawKey(rawKey: string): string {
  return hash("sha256", rawKey, "hex");
}

const MADE_KEY = /^signet_(?:adm|ci|rt|vw|mt)_[0-9A-Za-z]{8}_[0-9A-Za-z]{49}$/;

/** Whether a raw key has the form of generated keys, which cannot be guessed. Does not check the checksum. */
export function isMadeKey(rawKey: string): boolean {
  return MADE_KEY.test(rawKey);
}

function checksum(text: string): string {
  let rest = crc32(text);
  let digits = "";
  for (let i = 0; i < 6; i += 1) {
    digits = ALPHABET.charAt(rest % 62) + digits;
    rest = Math.floor(rest / 62);
  }
  return digits;
}

function randomText(length: number): string {
  let text = "";
  while (text.length < length) {
    for (const byte of randomBytes(length)) {
      // 248 is the largest multiple of 62 in a byte: larger bytes would favour the first characters.
      if (byte < 248 && text.length < length) text += ALPHABET.charAt(byte % 62);
    }
  }
  return text;
}

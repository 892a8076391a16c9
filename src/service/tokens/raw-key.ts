import { hash, randomBytes } from "node:crypto";
import { crc32 } from "node:zlib";
import { chosenKeyPrefix, type KeyType } from "../../core/token.js";

const LETTERS = { admin: "adm", ci: "ci", runtime: "rt" } as const satisfies Record<KeyType, string>;
const PUBLIC_CHARACTERS = 8;
const SECRET_CHARACTERS = 43;
const ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/** A new token, as it is shown once, and what is kept of it. */
export interface RawKey {
  /** Empty when only the hash is known. */
  readonly rawKey: string;
  /** The raw key's first characters: names the token in lists, logs and the audit. */
  readonly keyPrefix: string;
  /** SHA-256, lower-case hex. */
  readonly hash: string;
}

/**
 * Makes a token: `signet_<type>_<8 public characters>_<43 secret characters><6 characters of CRC-32>`, all base 62. 43 characters
 * hold 256 bits. The fixed start and the checksum let secret scanners find it without guessing.
 */
export function createRawKey(type: KeyType): RawKey {
  const keyPrefix = `signet_${LETTERS[type]}_${randomText(PUBLIC_CHARACTERS)}`;
  const unchecked = `${keyPrefix}_${randomText(SECRET_CHARACTERS)}`;
  const rawKey = `${unchecked}${checksum(unchecked)}`;
  return { rawKey, keyPrefix, hash: hashRawKey(rawKey) };
}

/** A token that the operator chose: any text, so its prefix is one of its hash. */
export function chosenRawKey(rawKey: string): RawKey {
  return { ...chosenKey(hashRawKey(rawKey)), rawKey };
}

/** A key that somebody else made and of which only the hash is known here. */
export function chosenKey(hash: string): RawKey {
  return { rawKey: "", keyPrefix: chosenKeyPrefix(hash), hash };
}

/** What is kept of a token, and looked up by. */
export function hashRawKey(rawKey: string): string {
  return hash("sha256", rawKey, "hex");
}

const MADE_KEY = /^signet_(?:adm|ci|rt)_[0-9A-Za-z]{8}_[0-9A-Za-z]{49}$/;

/** Whether a raw key has the form of those that are made here, of which nobody can guess one. Says nothing of its checksum. */
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
      // 248 is the largest multiple of 62 in a byte: above it the first letters would come more often.
      if (byte < 248 && text.length < length) text += ALPHABET.charAt(byte % 62);
    }
  }
  return text;
}

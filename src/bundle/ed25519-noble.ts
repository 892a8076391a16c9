import { hashes, getPublicKey, Point, sign } from "@noble/ed25519";
import { sha512 } from "@noble/hashes/sha2.js";
import { bytesToHex, concatBytes } from "@noble/hashes/utils.js";
import { formatPublicKey, keyId, parsePrivateKey } from "./keys.js";
import type { Signer, Verifier } from "./signer.js";

// noble uses crypto.subtle for SHA-512 by default, which browsers lack on plain-HTTP pages.
hashes.sha512 = sha512;

/**
 * A signer for any JavaScript runtime; about 20 times slower than native Ed25519.
 *
 * @param privateKeyPem PEM, PKCS#8
 * @throws AppError `signing_failed` if it is not an Ed25519 key
 */
export function createNobleSigner(privateKeyPem: string): Signer {
  const seed = parsePrivateKey(privateKeyPem);
  const publicKey = getPublicKey(seed);
  return {
    keyId: keyId(publicKey),
    publicKeyPem: formatPublicKey(publicKey),
    sign: async (message) => sign(message, seed),
  };
}

/** A verifier for any JavaScript runtime. */
export const nobleVerifier: Verifier = {
  verify: async (publicKey, message, signature) => verifySignature(publicKey, message, signature),
};

/**
 * Whether an Ed25519 signature is valid (RFC 8032, section 5.1.7), as strictly as any implementation in use.
 *
 * Refuses S not below the order of the group, points that are not encoded canonically, and points of mixed or small order:
 * implementations differ on these, and a bundle must not be valid in one runtime and invalid in another.
 */
export function verifySignature(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  if (publicKey.length !== 32 || signature.length !== 64) return false;
  const [r, s] = [signature.subarray(0, 32), littleEndian(signature.subarray(32))];
  const key = tableOf(publicKey);
  if (key === null || s >= ORDER) return false;
  const k = littleEndian(sha512(concatBytes(r, publicKey, message))) % ORDER;
  // [S]B = R + [k]A without the cofactor, as OpenSSL has it. Compared by its encoding, R is canonical; as B and A are of the prime order,
  // R is too.
  const expected = Point.BASE.multiply(s, false).subtract(multiply(key, k)).toBytes();
  return expected.every((byte, index) => byte === r[index]);
}

/** The order of the group, RFC 8032. */
const ORDER = Point.CURVE().n;

/** More keys than a runtime trusts. */
const MAX_KEPT_KEYS = 256;

/** The tables of the keys seen last, by their hex; null for what is no good key. To make one costs as much as two verifications. */
const keptTables = new Map<string, KeyTable | null>();

/** By the bits of their index: sums of A, [2^64]A, [2^128]A and [2^192]A. With it [k]A takes 64 doublings instead of 256. */
type KeyTable = readonly Point[];

/** Of a key that is canonical and of the prime order; else null. */
function tableOf(publicKey: Uint8Array): KeyTable | null {
  const hex = bytesToHex(publicKey);
  const kept = keptTables.get(hex);
  if (kept !== undefined) return kept;
  const point = readPoint(publicKey);
  const table = point && makeTable(point);
  if (keptTables.size >= MAX_KEPT_KEYS) keptTables.clear();
  keptTables.set(hex, table);
  return table;
}

function readPoint(bytes: Uint8Array): Point | null {
  try {
    const point = Point.fromBytes(bytes, false);
    return !point.isSmallOrder() && point.isTorsionFree() ? point : null;
  } catch {
    return null;
  }
}

function makeTable(point: Point): KeyTable {
  let power = point;
  let table: readonly Point[] = [Point.ZERO];
  for (let bit = 0; bit < 4; bit++) {
    const added = power;
    table = [...table, ...table.map((sum) => sum.add(added))];
    for (let doubled = 0; bit < 3 && doubled < 64; doubled++) power = power.double();
  }
  return table;
}

/** [k]A, for public k alone: the time depends on it. */
function multiply(table: KeyTable, k: bigint): Point {
  const words = [k, k >> 64n, k >> 128n, k >> 192n].map((word) =>
    BigInt.asUintN(64, word).toString(2).padStart(64, "0"),
  );
  let sum = Point.ZERO;
  for (let at = 0; at < 64; at++) {
    sum = sum.double();
    const index = words.reduce((bits, word, place) => (word[at] === "1" ? bits | (1 << place) : bits), 0);
    if (index > 0) sum = sum.add(table[index] ?? Point.ZERO);
  }
  return sum;
}

function littleEndian(bytes: Uint8Array): bigint {
  return BigInt(`0x${bytesToHex(Uint8Array.from(bytes).reverse())}`);
}

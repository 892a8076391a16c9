import { sha256 } from "@noble/hashes/sha2.js";
import { concatBytes } from "@noble/hashes/utils.js";

/** A SHA-256 hash of a tree: 32 bytes. */
export type Hash = Uint8Array;

/** The bytes of a {@link Hash}. */
export const HASH_BYTES = 32;

const LEAF = Uint8Array.of(0);
const NODE = Uint8Array.of(1);

/** The hash of a tree without leaves (RFC 6962, section 2.1). */
export const EMPTY_ROOT: Hash = sha256(new Uint8Array());

/** The hash of a leaf: SHA-256 of a zero byte and the leaf's data (RFC 6962, section 2.1). */
export function leafHash(data: Uint8Array): Hash {
  return sha256(concatBytes(LEAF, data));
}

/** The hash of a node: SHA-256 of a byte 1 and its children's hashes (RFC 6962, section 2.1). */
export function nodeHash(left: Hash, right: Hash): Hash {
  return sha256(concatBytes(NODE, left, right));
}

/** Whether two hashes are the same 32 bytes. Both are public: the time that it takes tells nothing. */
export function isSameHash(a: Hash, b: Hash): boolean {
  return a.length === HASH_BYTES && b.length === HASH_BYTES && a.every((byte, at) => byte === b[at]);
}

/** Sizes and indexes as numbers are exact below this. */
function areSizes(...values: readonly number[]): boolean {
  return values.every((value) => Number.isSafeInteger(value) && value >= 0);
}

function areHashes(hashes: readonly Hash[]): boolean {
  return hashes.every((hash) => hash.length === HASH_BYTES);
}

const isOdd = (value: number) => value % 2 === 1;
const halfOf = (value: number) => Math.floor(value / 2);

/**
 * Whether a proof shows that the leaf with this hash is the one of `index` (from 0) in the tree of `size` leaves with this root
 * (RFC 6962, section 2.1.1, verified as in RFC 9162, section 2.1.3.2).
 */
export function verifyInclusion(index: number, size: number, leaf: Hash, proof: readonly Hash[], root: Hash): boolean {
  if (!areSizes(index, size) || index >= size || !areHashes([leaf, root, ...proof])) return false;
  let at = index;
  let last = size - 1;
  let hash = leaf;
  for (const sibling of proof) {
    if (last === 0) return false;
    if (isOdd(at) || at === last) {
      hash = nodeHash(sibling, hash);
      // A last node without a sibling is the same node on the levels above.
      while (!isOdd(at) && at !== 0) [at, last] = [halfOf(at), halfOf(last)];
    } else {
      hash = nodeHash(hash, sibling);
    }
    [at, last] = [halfOf(at), halfOf(last)];
  }
  return last === 0 && isSameHash(hash, root);
}

/** A tree as a checkpoint tells it. */
export interface TreeHead {
  readonly size: number;
  readonly root: Hash;
}

/**
 * Whether a proof shows that the first leaves of `newer` are the leaves of `older` (RFC 6962, section 2.1.2, verified as in RFC 9162,
 * section 2.1.4.2). The empty tree is the beginning of each one, with an empty proof.
 */
export function verifyConsistency(older: TreeHead, newer: TreeHead, proof: readonly Hash[]): boolean {
  if (!areSizes(older.size, newer.size) || older.size > newer.size) return false;
  if (!areHashes([older.root, newer.root, ...proof])) return false;
  if (older.size === newer.size) return proof.length === 0 && isSameHash(older.root, newer.root);
  if (older.size === 0) return proof.length === 0 && isSameHash(older.root, EMPTY_ROOT);
  let at = older.size - 1;
  let last = newer.size - 1;
  while (isOdd(at)) [at, last] = [halfOf(at), halfOf(last)];
  // A complete older tree is a node of the newer one: the proof leaves it out.
  const [first, ...rest] = at === 0 ? [older.root, ...proof] : proof;
  if (first === undefined) return false;
  let [olderHash, newerHash] = [first, first];
  for (const hash of rest) {
    if (last === 0) return false;
    if (isOdd(at) || at === last) {
      olderHash = nodeHash(hash, olderHash);
      newerHash = nodeHash(hash, newerHash);
      while (!isOdd(at) && at !== 0) [at, last] = [halfOf(at), halfOf(last)];
    } else {
      newerHash = nodeHash(newerHash, hash);
    }
    [at, last] = [halfOf(at), halfOf(last)];
  }
  return last === 0 && isSameHash(olderHash, older.root) && isSameHash(newerHash, newer.root);
}

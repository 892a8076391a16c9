import { EMPTY_ROOT, nodeHash, type Hash } from "./merkle.js";

/** Leaves from `start` up to and without `end`, whose hash is a part of a proof. */
export interface LeafRange {
  readonly start: number;
  readonly end: number;
}

/** A complete subtree: the leaves from `number` · 2^`level` on, 2^`level` of them. */
export interface Subtree {
  readonly level: number;
  readonly number: number;
}

/** The largest power of two that is smaller than `size`, which is at least 2. */
function splitOf(size: number): number {
  let split = 1;
  while (split * 2 < size) split *= 2;
  return split;
}

/** The hashes of an inclusion proof, from the leaf's sibling up (RFC 6962, section 2.1.1). Requires `index` < `size`. */
export function inclusionRanges(index: number, size: number): readonly LeafRange[] {
  const ranges: LeafRange[] = [];
  let [start, end] = [0, size];
  while (end - start > 1) {
    const middle = start + splitOf(end - start);
    if (index < middle) {
      ranges.push({ start: middle, end });
      end = middle;
    } else {
      ranges.push({ start, end: middle });
      start = middle;
    }
  }
  return ranges.reverse();
}

/** The hashes of a consistency proof between two sizes (RFC 6962, section 2.1.2). Requires `older` <= `newer`. */
export function consistencyRanges(older: number, newer: number): readonly LeafRange[] {
  if (older === 0 || older === newer) return [];
  const ranges: LeafRange[] = [];
  let [start, end] = [0, newer];
  // Down to the node whose last leaf is the last one of the older tree.
  while (end !== older) {
    const middle = start + splitOf(end - start);
    if (older <= middle) {
      ranges.push({ start: middle, end });
      end = middle;
    } else {
      ranges.push({ start, end: middle });
      start = middle;
    }
  }
  // The older tree itself is left out: the verifier has its root.
  if (start !== 0) ranges.push({ start, end });
  return ranges.reverse();
}

/** The complete subtrees that a range consists of, from the left. `start` is a multiple of the largest one's size. */
export function subtreesOf({ start, end }: LeafRange): readonly Subtree[] {
  const subtrees: Subtree[] = [];
  for (let from = start; from < end;) {
    let level = 0;
    let width = 1;
    while (width * 2 <= end - from && from % (width * 2) === 0) {
      level += 1;
      width *= 2;
    }
    subtrees.push({ level, number: from / width });
    from += width;
  }
  return subtrees;
}

/** The hash of a range from those of its {@link subtreesOf}, in their order. The hash of the empty tree for none. */
export function foldSubtrees(hashes: readonly Hash[]): Hash {
  const [first, ...rest] = [...hashes].reverse();
  return first === undefined ? EMPTY_ROOT : rest.reduce((right, left) => nodeHash(left, right), first);
}

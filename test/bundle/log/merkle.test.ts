import { bytesToHex, hexToBytes } from "@noble/hashes/utils.js";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  EMPTY_ROOT,
  leafHash,
  nodeHash,
  verifyConsistency,
  verifyInclusion,
  type Hash,
} from "../../../src/bundle/log/merkle.js";
import {
  consistencyRanges,
  foldSubtrees,
  inclusionRanges,
  subtreesOf,
  type LeafRange,
} from "../../../src/bundle/log/proof-ranges.js";

/** The leaves of the reference vectors of certificate-transparency, as in transparency-dev/merkle. */
const LEAVES = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"];
/** The roots of their first 1 to 8. */
const ROOTS = [
  "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
  "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
  "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
  "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
  "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
  "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
  "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
  "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
];
const HASHES = {
  "96a2": "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
  "5f08": "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
  "6b47": "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
  bc1a: "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
  ca85: "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
  "0ebc": "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
  b086: "b08693ec2e721597130641e8211e7eedccb4c26413963eee6c1e2ed16ffb1a5f",
} as const;
const proofOf = (...names: readonly (keyof typeof HASHES | number)[]) =>
  names.map((name) => (typeof name === "number" ? (ROOTS[name - 1] ?? "") : HASHES[name]));

/** Index from 0, size, proof. */
const INCLUSIONS: readonly [number, number, readonly string[]][] = [
  [0, 1, []],
  [0, 8, proofOf("96a2", "5f08", "6b47")],
  [5, 8, proofOf("bc1a", "ca85", 4)],
  [2, 3, proofOf(2)],
  [1, 5, proofOf(1, "5f08", "bc1a")],
];
const CONSISTENCIES: readonly [number, number, readonly string[]][] = [
  [1, 1, []],
  [1, 8, proofOf("96a2", "5f08", "6b47")],
  [6, 8, proofOf("0ebc", "ca85", 4)],
  [2, 5, proofOf("5f08", "bc1a")],
  [6, 7, proofOf("0ebc", "b086", 4)],
];

/** The tree as RFC 6962, section 2.1, defines it. */
function naiveRoot(leaves: readonly Hash[]): Hash {
  if (leaves.length <= 1) return leaves[0] ?? EMPTY_ROOT;
  let split = 1;
  while (split * 2 < leaves.length) split *= 2;
  return nodeHash(naiveRoot(leaves.slice(0, split)), naiveRoot(leaves.slice(split)));
}

const vectorLeaves = LEAVES.map((hex) => leafHash(hexToBytes(hex)));
const hashesOf = (ranges: readonly LeafRange[], leaves: readonly Hash[]) =>
  ranges.map(({ start, end }) => naiveRoot(leaves.slice(start, end)));
const rootOf = (size: number) => hexToBytes(ROOTS[size - 1] ?? "");
const flipped = (hash: Hash) => Uint8Array.from(hash, (byte, at) => (at === 7 ? byte ^ 16 : byte));

/** A proof as an attacker changes it. */
function corruptionsOf(proof: readonly Hash[], other: Hash): readonly (readonly Hash[])[] {
  return [
    [...proof, other],
    [other, ...proof],
    [...proof, new Uint8Array()],
    [new Uint8Array(), ...proof],
    ...(proof.length === 0 ? [] : [proof.slice(0, -1), proof.slice(1)]),
    ...proof.map((hash, at) => proof.with(at, flipped(hash))),
  ];
}

describe("trees of RFC 6962", () => {
  it("has the roots of the reference vectors", () => {
    expect(bytesToHex(EMPTY_ROOT)).toBe("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    const roots = LEAVES.map((_, at) => bytesToHex(naiveRoot(vectorLeaves.slice(0, at + 1))));
    expect(roots).toEqual(ROOTS);
  });

  it.each(INCLUSIONS)(
    "makes and verifies the reference inclusion of %i in %i, and nothing else",
    (index, size, hex) => {
      const proof = hashesOf(inclusionRanges(index, size), vectorLeaves);
      expect(proof.map(bytesToHex)).toEqual(hex);
      const leaf = vectorLeaves[index] ?? EMPTY_ROOT;
      expect(verifyInclusion(index, size, leaf, proof, rootOf(size))).toBe(true);
      for (const at of [index - 1, index + 1, index ^ 2, index + 0.5, Number.NaN, size, -1]) {
        expect(verifyInclusion(at, size, leaf, proof, rootOf(size)), `index ${at}`).toBe(false);
      }
      for (const wrong of [size * 2, Math.floor(size / 2), 0, Infinity]) {
        expect(verifyInclusion(index, wrong, leaf, proof, rootOf(size)), `size ${wrong}`).toBe(false);
      }
      expect(verifyInclusion(index, size, flipped(leaf), proof, rootOf(size))).toBe(false);
      expect(verifyInclusion(index, size, leaf, proof, EMPTY_ROOT)).toBe(false);
      for (const wrong of corruptionsOf(proof, rootOf(size))) {
        expect(verifyInclusion(index, size, leaf, wrong, rootOf(size))).toBe(false);
      }
    },
  );

  it.each(CONSISTENCIES)(
    "makes and verifies the reference consistency of %i with %i, and nothing else",
    (older, newer, hex) => {
      const proof = hashesOf(consistencyRanges(older, newer), vectorLeaves);
      expect(proof.map(bytesToHex)).toEqual(hex);
      const [first, second] = [
        { size: older, root: rootOf(older) },
        { size: newer, root: rootOf(newer) },
      ];
      expect(verifyConsistency(first, second, proof)).toBe(true);
      for (const wrong of corruptionsOf(proof, first.root)) expect(verifyConsistency(first, second, wrong)).toBe(false);
      if (older === newer) return;
      expect(verifyConsistency(second, first, proof)).toBe(false);
      expect(verifyConsistency({ ...first, root: second.root }, second, proof)).toBe(false);
      expect(verifyConsistency(first, { ...second, root: first.root }, proof)).toBe(false);
      for (const size of [older - 1, older + 1, older ^ 2, -1, 0.5]) {
        expect(verifyConsistency({ ...first, size }, second, proof), `size ${size}`).toBe(false);
      }
      for (const size of [newer * 2, Math.floor(newer / 2)]) {
        expect(verifyConsistency(first, { ...second, size }, proof), `size ${size}`).toBe(false);
      }
    },
  );

  it("takes the empty tree for the beginning of each one, and of no other root", () => {
    const empty = { size: 0, root: EMPTY_ROOT };
    expect(verifyConsistency(empty, empty, [])).toBe(true);
    expect(verifyConsistency(empty, { size: 8, root: rootOf(8) }, [])).toBe(true);
    expect(verifyConsistency({ size: 0, root: rootOf(1) }, { size: 8, root: rootOf(8) }, [])).toBe(false);
    expect(verifyConsistency(empty, { size: 8, root: rootOf(8) }, [EMPTY_ROOT])).toBe(false);
    expect(verifyInclusion(0, 0, rootOf(1), [], EMPTY_ROOT)).toBe(false);
  });
});

/** Leaf `at` of a tree that only tests have. */
const leafOf = (at: number) => leafHash(new TextEncoder().encode(`leaf ${at}`));

describe("proofs of every size", () => {
  const most = 130;
  const leaves = Array.from({ length: most }, (_, at) => leafOf(at));
  const roots = Array.from({ length: most + 1 }, (_, size) => naiveRoot(leaves.slice(0, size)));

  it("folds complete subtrees to the root that the definition gives", () => {
    for (let size = 0; size <= most; size += 1) {
      const subtrees = subtreesOf({ start: 0, end: size });
      const hashes = subtrees.map(({ level, number }) =>
        naiveRoot(leaves.slice(number * 2 ** level, (number + 1) * 2 ** level)),
      );
      expect(bytesToHex(foldSubtrees(hashes))).toBe(bytesToHex(roots[size] ?? EMPTY_ROOT));
      expect(subtrees.length).toBeLessThanOrEqual(8);
    }
  });

  it("verify, and not for another leaf or an earlier root", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: most }), fc.nat(), fc.nat(), (size, a, b) => {
        const [index, older] = [a % size, b % (size + 1)];
        const inclusion = hashesOf(inclusionRanges(index, size), leaves);
        const root = roots[size] ?? EMPTY_ROOT;
        expect(verifyInclusion(index, size, leafOf(index), inclusion, root)).toBe(true);
        expect(verifyInclusion(index, size, leafOf(index + 1), inclusion, root)).toBe(false);
        const consistency = hashesOf(consistencyRanges(older, size), leaves);
        const before = { size: older, root: roots[older] ?? EMPTY_ROOT };
        expect(verifyConsistency(before, { size, root }, consistency)).toBe(true);
        const forged = { size: older, root: flipped(before.root) };
        expect(verifyConsistency(forged, { size, root }, consistency)).toBe(false);
        expect(inclusion.length).toBeLessThanOrEqual(8);
        expect(consistency.length).toBeLessThanOrEqual(9);
      }),
      { numRuns: 300 },
    );
  });

  it("are right where sizes have more than 32 bits", () => {
    const size = 2 ** 40 + 3;
    expect(inclusionRanges(size - 1, size)).toEqual([
      { start: 2 ** 40, end: 2 ** 40 + 2 },
      { start: 0, end: 2 ** 40 },
    ]);
    expect(subtreesOf({ start: 0, end: size }).map(({ level }) => level)).toEqual([40, 1, 0]);
    const [left, pair, last] = [leafOf(1), leafOf(2), leafOf(3)];
    const root = nodeHash(left, nodeHash(pair, last));
    expect(verifyInclusion(size - 1, size, last, [pair, left], root)).toBe(true);
    expect(verifyInclusion(size - 2, size, last, [pair, left], root)).toBe(false);
    expect(verifyInclusion((size - 1) % 2 ** 32, size, last, [pair, left], root)).toBe(false);
  });
});

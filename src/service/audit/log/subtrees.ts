import { decodeBase64 } from "../../../bundle/base64.js";
import { HASH_BYTES, nodeHash, type Hash } from "../../../bundle/log/merkle.js";
import type { Subtree } from "../../../bundle/log/proof-ranges.js";
import { AppError } from "../../../core/error.js";
import type { AuditLogReader } from "../../../store/audit-log-store.js";

/** Leaves of a tile. */
export const TILE_LEAVES = 256;
/** The level of the subtree that a tile is. */
export const TILE_LEVEL = 8;

/** The hash of a complete subtree from its leaves: a power of two of them. */
export function completeHash(leaves: readonly Hash[]): Hash {
  let hashes = leaves;
  while (hashes.length > 1) {
    const above: Hash[] = [];
    for (let at = 0; at + 1 < hashes.length; at += 2) {
      above.push(nodeHash(hashAt(hashes, at), hashAt(hashes, at + 1)));
    }
    hashes = above;
  }
  return hashAt(hashes, 0);
}

/** The hashes of a tile's leaves from its text. Throws `data_loss` for another text. */
export function leavesOfTile(hashes: string): readonly Hash[] {
  const bytes = decodeBase64(hashes);
  if (bytes?.length !== TILE_LEAVES * HASH_BYTES)
    throw new AppError("data_loss", "a tile of the audit's log is damaged");
  return Array.from({ length: TILE_LEAVES }, (_, at) => bytes.subarray(at * HASH_BYTES, (at + 1) * HASH_BYTES));
}

/** The leaves from `from` on that no tile has yet. */
export interface LooseLeaves {
  readonly from: number;
  readonly leaves: readonly Hash[];
}

/** The peaks of a tree with one more tile, whose hash is `root`: as a binary counter carries. `onNode` is told of each node above it. */
export function carryTile(
  peaks: readonly Hash[],
  tiles: number,
  root: Hash,
  onNode: (node: Subtree, hash: Hash) => void = () => undefined,
): readonly Hash[] {
  const left = [...peaks];
  let hash = root;
  let level = TILE_LEVEL;
  for (let number = tiles; number % 2 === 1;) {
    const sibling = left.pop();
    if (sibling === undefined) throw new RangeError("fewer peaks than the tree has");
    [level, number, hash] = [level + 1, (number - 1) / 2, nodeHash(sibling, hash)];
    onNode({ level, number }, hash);
  }
  return [...left, hash];
}

/**
 * The hashes of complete subtrees, from tiles, kept nodes and the leaves after them. Reads O(log size) rows for each. Throws
 * `data_loss` for one that is missing.
 */
export async function subtreeHashes(
  reader: AuditLogReader,
  orgId: string,
  subtrees: readonly Subtree[],
  loose: LooseLeaves,
): Promise<readonly Hash[]> {
  // One that is partly loose is kept nowhere, but its halves may be.
  const isMixed = ({ level, number }: Subtree) =>
    number * 2 ** level < loose.from && (number + 1) * 2 ** level > loose.from;
  const mixed = subtrees.filter(isMixed);
  const halves = mixed.flatMap(({ level, number }) => [
    { level: level - 1, number: 2 * number },
    { level: level - 1, number: 2 * number + 1 },
  ]);
  const ofHalves = halves.length === 0 ? [] : await subtreeHashes(reader, orgId, halves, loose);
  const whole = await wholeHashes(
    reader,
    orgId,
    subtrees.filter((it) => !isMixed(it)),
    loose,
  );
  let [half, next] = [0, 0];
  return subtrees.map((it) => {
    if (!isMixed(it)) return hashAt(whole, next++);
    half += 2;
    return nodeHash(hashAt(ofHalves, half - 2), hashAt(ofHalves, half - 1));
  });
}

function hashAt(hashes: readonly Hash[], at: number): Hash {
  const hash = hashes[at];
  if (hash === undefined) throw new RangeError("no such hash");
  return hash;
}

async function wholeHashes(
  reader: AuditLogReader,
  orgId: string,
  subtrees: readonly Subtree[],
  loose: LooseLeaves,
): Promise<readonly Hash[]> {
  const isLoose = ({ level, number }: Subtree) => number * 2 ** level >= loose.from;
  const kept = subtrees.filter((it) => it.level >= TILE_LEVEL && !isLoose(it));
  const nodes = await reader.auditNodes(orgId, kept);
  const tiles = new Map<number, readonly Hash[]>();
  const hashes: Hash[] = [];
  for (const subtree of subtrees) {
    const { level, number } = subtree;
    const width = 2 ** level;
    const start = number * width;
    if (isLoose(subtree)) {
      hashes.push(completeHash(loose.leaves.slice(start - loose.from, start - loose.from + width)));
    } else if (level >= TILE_LEVEL) {
      hashes.push(keptHash(nodes[kept.indexOf(subtree)], subtree));
    } else {
      const tile = Math.floor(start / TILE_LEAVES);
      const leaves = tiles.get(tile) ?? (await readTile(reader, orgId, tile));
      tiles.set(tile, leaves);
      hashes.push(completeHash(leaves.slice(start % TILE_LEAVES, (start % TILE_LEAVES) + width)));
    }
  }
  return hashes;
}

/** The leaves of a tile. Throws `data_loss` for one that is missing. */
export async function readTile(reader: AuditLogReader, orgId: string, number: number): Promise<readonly Hash[]> {
  const tile = await reader.auditTile(orgId, number);
  if (tile === null) throw new AppError("data_loss", `tile ${number} of the audit's log is missing`);
  return leavesOfTile(tile.hashes);
}

function keptHash(text: string | null | undefined, { level, number }: Subtree): Hash {
  const hash = decodeBase64(text ?? "");
  if (hash?.length === HASH_BYTES) return hash;
  throw new AppError("data_loss", `node ${number} of level ${level} of the audit's log is missing`);
}

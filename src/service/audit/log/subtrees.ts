import { decodeBase64 } from "../../../bundle/base64.js";
import { HASH_BYTES, nodeHash, type Hash } from "../../../bundle/log/merkle.js";
import type { Subtree } from "../../../bundle/log/proof-ranges.js";
import { AppError } from "../../../core/error.js";
import type { AuditLogReader } from "../../../store/audit-log-store.js";

/** Leaves of a tile, and the level of its subtree. */
export const TILE_LEAVES = 256;
export const TILE_LEVEL = 8;

/** The hash of a complete subtree from its leaves: a power of two of them. */
export function completeHash(leaves: readonly Hash[]): Hash {
  let hashes = leaves;
  while (hashes.length > 1) {
    const above: Hash[] = [];
    for (let at = 0; at + 1 < hashes.length; at += 2) above.push(nodeHash(hashes[at]!, hashes[at + 1]!));
    hashes = above;
  }
  return hashes[0]!;
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

/**
 * The hashes of complete subtrees, from tiles, kept nodes and the leaves after them. Reads a row for each subtree at most. Throws
 * `data_loss` for one that is missing.
 */
export async function subtreeHashes(
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

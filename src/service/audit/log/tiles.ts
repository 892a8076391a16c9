import { encodeBase64 } from "../../../bundle/base64.js";
import { nextTurn } from "../../../core/schedule/in-steps.js";
import { AppError } from "../../../core/error.js";
import type { AuditNode } from "../../../store/audit-log-store.js";
import type { Store } from "../../../store/store.js";
import type { TreeState } from "./audit-tree.js";
import { extendTree, HistoryChanged, readTiles } from "./read-tree.js";
import { carryTile, completeHash, TILE_LEAVES, TILE_LEVEL } from "./subtrees.js";

/** How far the tiles of an organization are. */
export interface TileProgress {
  readonly orgId: string;
  /** Events in tiles. */
  readonly size: number;
  /** Events in all. */
  readonly of: number;
}

/**
 * Makes the tiles that are complete, one transaction for each, until none is left or the signal aborts. What an abort or a crash leaves
 * is made by the next call. Harmless when two nodes do it at once: a tile follows from the events, and the second one keeps the first.
 *
 * Throws `data_loss` where the events do not follow each other.
 */
export async function makeTiles(
  store: Store,
  orgId: string,
  onProgress: (progress: TileProgress) => void,
  signal?: AbortSignal,
): Promise<void> {
  let state = await readTiles(store.read, orgId);
  for (;;) {
    const of = (await store.read.auditHead(orgId))?.id ?? 0;
    const end = (state.tiles + 1) * TILE_LEAVES;
    if (end > of || signal?.aborted === true) return;
    const full = await read(store, state, end);
    const next = await keep(store, state, full);
    // Another node was faster, or the database went back meanwhile: from what is there now.
    state = next ?? (await readTiles(store.read, orgId));
    onProgress({ orgId, size: state.tiles * TILE_LEAVES, of });
    await nextTurn();
  }
}

async function read(store: Store, state: TreeState, end: number): Promise<TreeState> {
  try {
    return await extendTree(store.read, state, end);
  } catch (error) {
    if (!(error instanceof HistoryChanged)) throw error;
    throw new AppError("data_loss", `event ${end - TILE_LEAVES + 1} of the audit does not follow the event before it`);
  }
}

/** The tree with its loose leaves as a tile; null when another tile is there, or its last event is not. */
async function keep(store: Store, before: TreeState, full: TreeState): Promise<TreeState | null> {
  const { orgId, tiles: number, leaves, newest, logEvent } = full;
  if (newest === null || leaves.length !== TILE_LEAVES) return null;
  const root = completeHash(leaves);
  const nodes: AuditNode[] = [{ orgId, level: TILE_LEVEL, number, hash: encodeBase64(root) }];
  const peaks = carryTile(before.peaks, number, root, (node, hash) => {
    nodes.push({ orgId, ...node, hash: encodeBase64(hash) });
  });
  const activations = [...full.activations].map(([activation, eventId]) => ({ orgId, activation, eventId }));
  const tile = { orgId, number, hashes: Buffer.concat(leaves).toString("base64"), logEvent };
  const isKept = await store.write(async (tx) => {
    if ((await tx.auditTiles(orgId)).count !== number) return false;
    const last = await tx.auditEvent(orgId, newest.id);
    if (last?.signature !== newest.signature) return false;
    await tx.insertAuditTile(tile, nodes, activations);
    return true;
  });
  return isKept ? { ...full, tiles: number + 1, peaks, leaves: [], activations: new Map() } : null;
}

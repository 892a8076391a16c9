import { decodeBase64 } from "../../../bundle/base64.js";
import { isSameHash, type Hash } from "../../../bundle/log/merkle.js";
import { logIdOf } from "../../../bundle/log/origin.js";
import { foldSubtrees, subtreesOf } from "../../../bundle/log/proof-ranges.js";
import type { AuditEvent } from "../../../core/audit.js";
import { AppError } from "../../../core/error.js";
import { nextTurn } from "../../../core/schedule/in-steps.js";
import type { Reader } from "../../../store/store.js";
import type { TreeState } from "./audit-tree.js";
import { leafOfEvent } from "./event-leaf.js";
import { carryTile, completeHash, TILE_LEAVES } from "./subtrees.js";

/** Events that are read and hashed in one turn of the event loop: some 3 ms. */
const EVENTS_PER_TURN = 64;

/** The event after which a tree goes on is not the one that it had. */
export class HistoryChanged extends Error {
  override readonly name = "HistoryChanged";
}

/** The tree as far as its tiles reach. Throws `data_loss` for one whose rows do not fit together. */
export async function readTiles(reader: Reader, orgId: string): Promise<TreeState> {
  const { count: tiles, logEvent } = await reader.auditTiles(orgId);
  const size = tiles * TILE_LEAVES;
  const peaks = (await reader.auditNodes(orgId, subtreesOf({ start: 0, end: size }))).map(peakOf);
  const newest = size === 0 ? null : await reader.auditEvent(orgId, size);
  if (size > 0 && newest === null) throw new AppError("data_loss", `event ${size} of the audit is missing`);
  const beginning = logEvent === 0 ? null : await reader.auditEvent(orgId, logEvent);
  const logId = beginning === null ? null : logIdOf(beginning);
  return { orgId, tiles, peaks, leaves: [], activations: new Map(), newest, logEvent, logId };
}

/**
 * The same tree, with the leaves as tiles that are in tiles meanwhile. Throws HistoryChanged when these are not the tree's.
 */
export async function advanceTiles(reader: Reader, state: TreeState): Promise<TreeState> {
  const { orgId, peaks, leaves } = state;
  const { count: tiles } = await reader.auditTiles(orgId);
  const added = (tiles - state.tiles) * TILE_LEAVES;
  if (added === 0) return state;
  if (added < 0 || added > leaves.length) throw new HistoryChanged();
  const advanced = (await reader.auditNodes(orgId, subtreesOf({ start: 0, end: tiles * TILE_LEAVES }))).map(peakOf);
  let expected = peaks;
  for (let at = 0; at < added; at += TILE_LEAVES) {
    const root = completeHash(leaves.slice(at, at + TILE_LEAVES));
    expected = carryTile(expected, state.tiles + at / TILE_LEAVES, root);
  }
  if (!isSameHash(foldSubtrees(expected), foldSubtrees(advanced))) throw new HistoryChanged();
  const activations = [...state.activations].filter(([, eventId]) => eventId > tiles * TILE_LEAVES);
  return { ...state, tiles, peaks: advanced, leaves: leaves.slice(added), activations: new Map(activations) };
}

function peakOf(text: string | null): Hash {
  const hash = text === null ? undefined : decodeBase64(text);
  if (hash === undefined) throw new AppError("data_loss", "a node of the audit's log is missing");
  return hash;
}

/**
 * The tree with the events up to number `until`, or fewer when there are not so many; in steps, each in another turn of the event loop.
 *
 * Throws HistoryChanged when the next event does not follow the newest of the tree, and `data_loss` when two that were read now do not
 * follow each other.
 */
export async function extendTree(reader: Reader, state: TreeState, until: number): Promise<TreeState> {
  const leaves = [...state.leaves];
  const activations = new Map(state.activations);
  let { newest, logEvent, logId } = state;
  for (;;) {
    const after = newest?.id ?? 0;
    const page = await reader.auditEventsFrom(state.orgId, after, Math.min(EVENTS_PER_TURN, until - after));
    for (const event of page) {
      requireNext(event, newest, newest === state.newest);
      const leaf = leafOfEvent(event);
      leaves.push(leaf.hash);
      if (leaf.activation !== null && !activations.has(leaf.activation)) activations.set(leaf.activation, event.id);
      const begun = logIdOf(event);
      if (begun !== null) [logEvent, logId] = [event.id, begun];
      newest = event;
    }
    if (page.length < EVENTS_PER_TURN || newest?.id === until) break;
    await nextTurn();
  }
  return { ...state, leaves, activations, newest, logEvent, logId };
}

function requireNext(event: AuditEvent, before: AuditEvent | null, isFirst: boolean): void {
  if (event.id === (before?.id ?? 0) + 1 && event.prevSignature === (before?.signature ?? "")) return;
  if (isFirst) throw new HistoryChanged();
  throw new AppError("data_loss", `event ${event.id} of the audit does not follow the event before it`);
}

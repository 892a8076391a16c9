import { isSameHash, nodeHash, type Hash } from "../../../bundle/log/merkle.js";
import type { Subtree } from "../../../bundle/log/proof-ranges.js";
import { decodeBase64 } from "../../../bundle/base64.js";
import type { AuditEvent } from "../../../core/audit.js";
import type { AuditLogReader } from "../../../store/audit-log-store.js";
import { leafOfEvent } from "./event-leaf.js";
import { completeHash, readTile, TILE_LEAVES, TILE_LEVEL } from "./subtrees.js";

/** Compares events with the tree that is kept over them, one after another. Reads each tile once, with the nodes that it completes. */
export class LogCheck {
  #tiles: number | null = null;
  #tile: { readonly number: number; readonly leaves: readonly Hash[]; readonly flaw: string | null } | null = null;

  constructor(
    private readonly reader: AuditLogReader,
    private readonly orgId: string,
  ) {}

  /** How an event differs from the log, or its part of the log is damaged; null for no difference, and for an event of no tile. */
  async flawOf(event: AuditEvent): Promise<string | null> {
    this.#tiles ??= (await this.reader.auditTiles(this.orgId)).count;
    const number = Math.floor((event.id - 1) / TILE_LEAVES);
    if (number >= this.#tiles) return null;
    if (this.#tile?.number !== number) this.#tile = await this.#read(number);
    const { leaves, flaw } = this.#tile;
    const logged = leaves[(event.id - 1) % TILE_LEAVES];
    if (flaw !== null) return flaw;
    if (logged !== undefined && isSameHash(logged, leafOfEvent(event).hash)) return null;
    return "it is not the event that the log has under this number";
  }

  async #read(number: number) {
    const leaves = await readTile(this.reader, this.orgId, number).catch(() => []);
    if (leaves.length === 0) return { number, leaves, flaw: `tile ${number} of the log is damaged` };
    const path = completedNodes(number);
    const siblings = path.slice(0, -1).map((node) => ({ ...node, number: node.number - 1 }));
    const kept = await this.reader.auditNodes(this.orgId, [...path, ...siblings]);
    const hashes = kept.map((text) => (text === null ? undefined : decodeBase64(text)));
    let hash: Hash | undefined = completeHash(leaves);
    for (const [at, { level }] of path.entries()) {
      const found = hashes[at];
      if (hash === undefined || found === undefined || !isSameHash(hash, found)) {
        return { number, leaves, flaw: `the log is damaged at level ${level} of tile ${number}` };
      }
      const sibling = hashes[path.length + at];
      hash = sibling === undefined ? undefined : nodeHash(sibling, hash);
    }
    return { number, leaves, flaw: null };
  }
}

/** The nodes whose last tile is this one, from its own up. */
function completedNodes(tile: number): readonly Subtree[] {
  const nodes: Subtree[] = [{ level: TILE_LEVEL, number: tile }];
  for (let number = tile; number % 2 === 1;) {
    number = (number - 1) / 2;
    nodes.push({ level: TILE_LEVEL + nodes.length, number });
  }
  return nodes;
}

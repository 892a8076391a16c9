import { foldSubtrees, subtreesOf, type LeafRange } from "../../../bundle/log/proof-ranges.js";
import type { Hash } from "../../../bundle/log/merkle.js";
import { logOrigin } from "../../../bundle/log/origin.js";
import type { AuditEvent } from "../../../core/audit.js";
import type { AuditLogReader } from "../../../store/audit-log-store.js";
import { carryTile, completeHash, subtreeHashes, TILE_LEAVES } from "./subtrees.js";

/** What is known of an organization's tree: its tiles by the hashes of their subtrees, and the leaves after them. */
export interface TreeState {
  readonly orgId: string;
  readonly tiles: number;
  /** Of the complete subtrees of all tiles, from the left. */
  readonly peaks: readonly Hash[];
  readonly leaves: readonly Hash[];
  /** The events of the leaves that made an activation. */
  readonly activations: ReadonlyMap<string, number>;
  /** The newest event; null in an empty tree. */
  readonly newest: AuditEvent | null;
  /** The event with which the log of this origin begins, and its id; 0 and null for the first one. */
  readonly logEvent: number;
  readonly logId: string | null;
}

/** The tree over an organization's events at one moment: it never changes. */
export class AuditTree {
  readonly size: number;
  readonly origin: string;
  readonly root: Hash;

  constructor(
    private readonly reader: AuditLogReader,
    readonly state: TreeState,
  ) {
    this.size = state.tiles * TILE_LEAVES + state.leaves.length;
    this.origin = logOrigin(state.orgId, state.logId);
    this.root = rootOf(state);
  }

  /** The hashes of ranges of leaves, as proofs have them. Reads O(log size) rows. Throws `data_loss` where the tree is damaged. */
  async hashesOf(ranges: readonly LeafRange[]): Promise<readonly Hash[]> {
    const { orgId, tiles, leaves } = this.state;
    const parts = ranges.map(subtreesOf);
    const loose = { from: tiles * TILE_LEAVES, leaves };
    const hashes = await subtreeHashes(this.reader, orgId, parts.flat(), loose);
    let at = 0;
    return parts.map((part) => foldSubtrees(hashes.slice(at, (at += part.length))));
  }

  /** The root of the first `size` leaves. */
  async rootAt(size: number): Promise<Hash> {
    const [root] = size === this.size ? [this.root] : await this.hashesOf([{ start: 0, end: size }]);
    return root ?? this.root;
  }

  /** The number of the event that made an activation; null if none of this tree did. */
  async eventOf(activation: string): Promise<number | null> {
    const { orgId, activations } = this.state;
    return activations.get(activation) ?? (await this.reader.eventOfActivation(orgId, activation));
  }
}

/** The root from the peaks: what is loose may complete tiles that nobody has made yet. */
function rootOf({ tiles, peaks, leaves }: TreeState): Hash {
  let complete = peaks;
  let at = 0;
  for (; at + TILE_LEAVES <= leaves.length; at += TILE_LEAVES) {
    complete = carryTile(complete, tiles + at / TILE_LEAVES, completeHash(leaves.slice(at, at + TILE_LEAVES)));
  }
  const rest = leaves.slice(at);
  const below = subtreesOf({ start: 0, end: rest.length }).map(({ level, number }) =>
    completeHash(rest.slice(number * 2 ** level, (number + 1) * 2 ** level)),
  );
  return foldSubtrees([...complete, ...below]);
}

import type { NodeChange } from "../change-feed.js";

/** The kind of the rows that transactions write of themselves, to be found by: they tell other nodes nothing. */
export const COMMIT_KIND = "commit";

/** What nobody waits for but people who look. */
const QUIET: ReadonlySet<string> = new Set<NodeChange["kind"]>(["project", "delivery", "audit"]);

/** Writes the rows of a transaction: the node, their kinds, their refs. */
export const LOG_COMMIT =
  "insert into node_changes (origin, kind, ref) " +
  "select $1, kind, ref from unnest($2::text[], $3::text[]) with ordinality as row (kind, ref, place) order by place";

/**
 * What other nodes must hear of a transaction, gathered while its works run and written as one statement with its commit: each change once,
 * however many of its works made it. It may tell of a work that was undone in the end, which costs a look.
 */
export class CommitLog {
  readonly #changes = new Map<string, NodeChange>();

  /** Begins with nothing, for another transaction. */
  clear(): void {
    this.#changes.clear();
  }

  /** Whether the others may hear of it at their next look, which is within a second. */
  get isQuiet(): boolean {
    return [...this.#changes.values()].every(({ kind }) => QUIET.has(kind));
  }

  add(changes: readonly NodeChange[]): void {
    for (const change of changes) {
      // Of an environment the last numbers: they only grow.
      const key = change.kind === "environment" ? `environment ${change.id}` : JSON.stringify(change);
      const before = this.#changes.get(key);
      // The last place counts: followers are told in the order of the last changes.
      this.#changes.delete(key);
      this.#changes.set(key, { ...before, ...change });
    }
  }

  /** A work was undone after it had told of its changes: numbers that were never given would look like a loss to other nodes. */
  forgetNumbers(): void {
    for (const [key, change] of this.#changes) {
      if (change.kind === "environment") this.#changes.set(key, { kind: "environment", id: change.id });
    }
  }

  /** The parameters of LOG_COMMIT. @param mark a unique text by which the transaction can be found */
  parameters(nodeId: string, mark: string): readonly unknown[] {
    const changes = [...this.#changes.values()].map(({ kind, ...rest }) => ({ kind, ref: JSON.stringify(rest) }));
    const rows = [...changes, { kind: COMMIT_KIND, ref: mark }];
    return [nodeId, rows.map(({ kind }) => kind), rows.map(({ ref }) => ref)];
  }
}

/** The change that a row tells of. */
export function changeOf({ kind, ref }: { readonly kind: string; readonly ref: string }): NodeChange {
  return { kind, ...(JSON.parse(ref) as object) } as NodeChange;
}

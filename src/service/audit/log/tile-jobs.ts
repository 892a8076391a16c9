import { AppError } from "../../../core/error.js";
import type { Store } from "../../../store/store.js";
import type { AuditTrees } from "./audit-trees.js";
import { TILE_LEAVES } from "./subtrees.js";

/** Organizations of one page of a sweep. */
const PAGE = 100;
/** So often a tile is looked for whose last event was not committed at once. */
const MAX_LOOKS = 3;

/** Makes tiles in the background: those that events of this process complete, and once those of chains that have none yet. */
export class TileJobs {
  /** The newest event that completes a tile, by organization, and how often it was looked for. */
  readonly #due = new Map<string, { readonly eventId: number; looks: number }>();
  #isSwept = false;

  constructor(private readonly deps: { readonly store: Pick<Store, "read">; readonly trees: AuditTrees }) {}

  /** Whether this process has looked through all organizations. */
  get isSwept(): boolean {
    return this.#isSwept;
  }

  /** Told of each event, before it is committed. */
  recorded(orgId: string, eventId: number): void {
    if (eventId % TILE_LEAVES === 0) this.#due.set(orgId, { eventId, looks: 0 });
  }

  /** Makes the tiles that events of this process completed. Throws what one organization's failed with, after the others'. */
  async makeDue(signal: AbortSignal): Promise<void> {
    const { store } = this.deps;
    const failures: unknown[] = [];
    for (const [orgId, due] of this.#due) {
      if (signal.aborted) return;
      await this.#make(orgId, signal, failures);
      due.looks += 1;
      const isMade = (await store.read.auditTiles(orgId)).count * TILE_LEAVES >= due.eventId;
      // A rolled back event has no tile: the next one of its number tells again.
      if ((isMade || due.looks === MAX_LOOKS) && this.#due.get(orgId) === due) this.#due.delete(orgId);
    }
    if (failures.length > 0) throw failures[0];
  }

  /**
   * Makes the complete tiles of all organizations, once in the life of this object: chains of earlier releases, and what a process that
   * died left. Throws what one organization's failed with, after the others'.
   */
  async sweep(signal: AbortSignal): Promise<void> {
    if (this.#isSwept) return;
    const { store } = this.deps;
    const failures: unknown[] = [];
    for (let offset = 0; ; offset += PAGE) {
      const { rows } = await store.read.organizations({ limit: PAGE, offset });
      for (const { id } of rows) {
        if (signal.aborted) return;
        await this.#make(id, signal, failures);
      }
      if (rows.length < PAGE) break;
    }
    this.#isSwept = !signal.aborted && failures.every(isDataLoss);
    if (failures.length > 0) throw failures[0];
  }

  async #make(orgId: string, signal: AbortSignal, failures: unknown[]): Promise<void> {
    try {
      await this.deps.trees.makeTiles(orgId, signal);
    } catch (error) {
      failures.push(error);
    }
  }
}

/** A chain that is broken stays so: it is told once. */
function isDataLoss(error: unknown): boolean {
  return error instanceof AppError && error.code === "data_loss";
}

import { LRUCache } from "lru-cache";
import { isSameHash, type Hash } from "../../../bundle/log/merkle.js";
import { AppError } from "../../../core/error.js";
import type { Store } from "../../../store/store.js";
import { AuditTree } from "./audit-tree.js";
import { advanceTiles, extendTree, HistoryChanged, readTiles } from "./read-tree.js";
import { TILE_LEAVES } from "./subtrees.js";
import { makeTiles, type TileProgress } from "./tiles.js";

/** Trees that somebody was told of. */
const MAX_TOLD = 10_000;
/** Leaves of no tile in memory, of all trees: some 200 bytes each. A tree counts as its leaves and as many for the rest of it. */
const MAX_LEAVES = 100_000;
const LEAVES_OF_TREE = 20;
/** With so many leaves of no tile a tree looks for tiles that were made meanwhile. */
const MANY_LOOSE = 2 * TILE_LEAVES;
/** Events of no tile that a request may have to wait for: some 100 ms. A longer chain is taken over first. */
const MAX_BEHIND = 16 * TILE_LEAVES;
/** Until a chain that is taken over is further. */
const RETRY_SECONDS = 2;

/** A tree that somebody was told of. */
interface Told {
  readonly origin: string;
  readonly size: number;
  readonly root: Hash;
}

/** What AuditTrees needs of others. */
export interface AuditTreesDeps {
  readonly store: Store;
  /** Called after each tile. */
  readonly onProgress: (progress: TileProgress) => void;
  /** Records that the database lost events which the log had: the log goes on under another origin. */
  readonly onLost: (orgId: string, lost: { readonly toldSize: number; readonly size: number }) => Promise<void>;
}

/** The trees over the organizations' events. Only what is committed is in them. */
export class AuditTrees {
  readonly #kept = new LRUCache<string, AuditTree>({
    maxSize: MAX_LEAVES,
    sizeCalculation: ({ state }) => state.leaves.length + LEAVES_OF_TREE,
  });
  readonly #told = new LRUCache<string, Told>({ max: MAX_TOLD });
  /** The last update of each organization: one after another, so that each sees what was committed before it. */
  readonly #updates = new Map<string, Promise<unknown>>();
  readonly #takingOver = new Set<string>();

  constructor(private readonly deps: AuditTreesDeps) {}

  /**
   * The tree with every event that was committed before the call. Throws `unavailable` while a long chain is taken over, and `data_loss`
   * where the events do not follow each other.
   */
  async current(orgId: string): Promise<AuditTree> {
    const before = this.#updates.get(orgId) ?? Promise.resolve();
    const update = before.then(
      () => this.#update(orgId),
      () => this.#update(orgId),
    );
    this.#updates.set(orgId, update);
    try {
      return await update;
    } finally {
      if (this.#updates.get(orgId) === update) this.#updates.delete(orgId);
    }
  }

  /**
   * Remembers that a checkpoint of this tree is given: from now on it is an error for the log to be another one. Call before it is given.
   * A tree that does not begin with what was told before has lost events: that is recorded, and the result is the tree of the log that
   * goes on.
   */
  async tell(tree: AuditTree): Promise<AuditTree> {
    const { orgId } = tree.state;
    const told = this.#told.get(orgId);
    if (told !== undefined && told.origin === tree.origin && !(await beginsWith(tree, told))) {
      await this.deps.onLost(orgId, { toldSize: told.size, size: tree.size });
      this.#kept.delete(orgId);
      return await this.tell(await this.current(orgId));
    }
    this.#told.set(orgId, { origin: tree.origin, size: tree.size, root: tree.root });
    return tree;
  }

  /** Makes the complete tiles of an organization (tiles.ts). */
  async makeTiles(orgId: string, signal?: AbortSignal): Promise<void> {
    await makeTiles(this.deps.store, orgId, this.deps.onProgress, signal);
  }

  async #update(orgId: string): Promise<AuditTree> {
    const { read } = this.deps.store;
    const kept = this.#kept.get(orgId);
    const head = await read.auditHead(orgId);
    const newest = kept?.state.newest ?? null;
    if (kept !== undefined && newest?.id === head?.id && newest?.signature === head?.signature) return kept;
    const until = head?.id ?? 0;
    const extended = kept !== undefined && until > kept.size ? await this.#extended(kept, until) : null;
    const tree = extended ?? (await this.#readAgain(orgId, until));
    this.#kept.set(orgId, tree);
    return tree;
  }

  /** Null when the events of the database are not those of the kept tree, or too many are missing. */
  async #extended({ state, size }: AuditTree, until: number): Promise<AuditTree | null> {
    if (until - size > MAX_BEHIND) return null;
    const { read } = this.deps.store;
    try {
      const base = state.leaves.length < MANY_LOOSE ? state : await advanceTiles(read, state);
      return new AuditTree(read, await extendTree(read, base, until));
    } catch (error) {
      if (error instanceof HistoryChanged) return null;
      throw error;
    }
  }

  async #readAgain(orgId: string, until: number): Promise<AuditTree> {
    const { read } = this.deps.store;
    const tiles = await readTiles(read, orgId);
    const size = tiles.tiles * TILE_LEAVES;
    if (until - size > MAX_BEHIND) {
      this.#takeOver(orgId);
      const message = `the log over the audit is being made: ${size} of ${until} events`;
      throw new AppError("unavailable", message, { retryAfterSeconds: RETRY_SECONDS });
    }
    try {
      return new AuditTree(read, await extendTree(read, tiles, until));
    } catch (error) {
      if (!(error instanceof HistoryChanged)) throw error;
      throw new AppError("data_loss", `event ${size + 1} of the audit does not follow the event before it`);
    }
  }

  /** In the background; a failure is met again by the next request. */
  #takeOver(orgId: string): void {
    if (this.#takingOver.has(orgId)) return;
    this.#takingOver.add(orgId);
    void this.makeTiles(orgId)
      .catch(() => undefined)
      .finally(() => this.#takingOver.delete(orgId));
  }
}

/** Whether a tree begins with one that somebody was told of. */
async function beginsWith(tree: AuditTree, { size, root }: Told): Promise<boolean> {
  return size <= tree.size && isSameHash(await tree.rootAt(size), root);
}

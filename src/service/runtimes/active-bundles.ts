import { LRUCache } from "lru-cache";
import type { Bundle, Deployment } from "../../core/bundle.js";
import { AppError, notFound } from "../../core/error.js";
import type { Environment } from "../../core/organization.js";
import { isLost, markOf, type HighWaterMarks } from "../../store/high-water-marks.js";
import type { Store } from "../../store/store.js";
import { documentOf, type BundleVerifier } from "../bundles/bundle-verifier.js";
import type { ServiceWarnings } from "../changes/observers.js";
import type { Wakeups } from "../changes/wakeups.js";

/** What is active in an environment, and the document that is served for it. The same object for everybody until it changes. */
export interface ActiveBundle {
  readonly deployment: Deployment;
  readonly document: string;
}

/** Null while nothing was ever active; wrapped, since a cache keeps no null. */
interface Pointer {
  readonly active: ActiveBundle | null;
  /** Why it is not served: it is not kept as it was signed. */
  readonly damage?: AppError;
}

/** So long a damaged bundle is not looked at again: it is large, perhaps, and asked for by a whole fleet. */
const DAMAGE_KEPT_MS = 10_000;

/** For all environments; what was not asked for longest is read again when it is. */
const MAX_CACHED_BYTES = 256 * 1024 * 1024;

/** The string, and what the wire keeps with it as long as it is kept: the answer to polls, and a frame for each form of a watch. */
const BYTES_PER_CHARACTER = 8;

/** The pointer with its deployment, and the cache's own. */
const ENTRY_BYTES = 2 * 1024;

/** Reads again this often after a loss was made good: one host of the database may still be an old primary. */
const MAX_REPAIRS = 3;

/** Reads again this often when changes come between; then what it saw last is answered, and not kept. */
const MAX_TRIES = 10;

/**
 * What is active, from memory. Loaded when asked for, and forgotten at each wake-up of its environment, which comes after the commit and
 * before the change is acknowledged: a read that begins after the acknowledgement never sees what was before.
 */
export class ActiveBundles {
  readonly #kept = new LRUCache<string, Pointer>({
    maxSize: MAX_CACHED_BYTES,
    sizeCalculation: ({ active }) => (active?.document.length ?? 0) * BYTES_PER_CHARACTER + ENTRY_BYTES,
  });
  /** Loads under way. One that a change overtakes is no longer here when it ends, and is not kept. */
  readonly #loading = new Map<string, symbol>();

  constructor(
    private readonly store: Store,
    wakeups: Wakeups,
    private readonly verifier: BundleVerifier,
    private readonly warnings: Pick<ServiceWarnings, "damaged">,
    /** Null where the database cannot lose what was committed without notice. */
    private readonly marks: HighWaterMarks | null = null,
  ) {
    wakeups.invalidate({
      forget: (environmentId) => this.#forget(environmentId),
      forgetAll: () => {
        this.#kept.clear();
        this.#loading.clear();
      },
    });
  }

  /** As `read`, for what is in memory; undefined for what is not. */
  peek(environmentId: string): ActiveBundle | null | undefined {
    const kept = this.#kept.get(environmentId);
    return kept?.damage === undefined ? kept?.active : undefined;
  }

  /**
   * What is active now, verified; null while nothing was ever. Throws `not_found` when the environment was deleted, and `data_loss` when
   * what is kept is not what was signed: no content is better than a wrong one.
   */
  async read(environmentId: string): Promise<ActiveBundle | null> {
    for (let tries = 1; ; tries += 1) {
      const kept = this.#kept.get(environmentId);
      if (kept !== undefined) return activeOf(kept);
      const load = this.#loading.get(environmentId) ?? Symbol(environmentId);
      this.#loading.set(environmentId, load);
      const pointer = await this.#load(environmentId).catch((thrown: unknown) => {
        if (this.#loading.get(environmentId) === load) this.#loading.delete(environmentId);
        throw thrown;
      });
      const isCurrent = this.#loading.get(environmentId) === load;
      if (isCurrent) this.#keep(environmentId, pointer);
      if (isCurrent || this.#kept.has(environmentId) || tries >= MAX_TRIES)
        return activeOf(this.#kept.get(environmentId) ?? pointer);
    }
  }

  /** Whether other nodes change what is active, too. */
  get isShared(): boolean {
    return this.marks !== null;
  }

  /** Whether a runtime that has this number may have it from another node, which heard of the activation first. */
  isBehind(active: ActiveBundle | null, sequence: number): boolean {
    return this.isShared && sequence > (active?.deployment.sequence ?? 0);
  }

  /**
   * As `read`, for a runtime that has an activation with this number: one that memory does not have yet is looked for in the database.
   * Throws `unavailable` when that is away: what is in memory would take the runtime back.
   */
  async readFrom(environmentId: string, sequence: number): Promise<ActiveBundle | null> {
    const active = await this.read(environmentId);
    if (!this.isBehind(active, sequence)) return active;
    const environment = await this.store.read.environmentById(environmentId);
    if (environment?.activeDeploymentId === (active?.deployment.id ?? null)) return active;
    if (this.peek(environmentId) === active) this.#forget(environmentId);
    return await this.read(environmentId);
  }

  #forget(environmentId: string): void {
    this.#kept.delete(environmentId);
    this.#loading.delete(environmentId);
  }

  #keep(environmentId: string, pointer: Pointer): void {
    this.#loading.delete(environmentId);
    if (pointer.damage === undefined) this.#kept.set(environmentId, pointer);
    else this.#kept.set(environmentId, pointer, { ttl: DAMAGE_KEPT_MS });
  }

  async #load(environmentId: string): Promise<Pointer> {
    for (let repairs = 0; ;) {
      const mark = this.marks?.of(environmentId) ?? null;
      const environment = await this.store.read.environmentById(environmentId);
      if (environment === null) throw notFound("environment");
      if (isLost(mark, environment)) {
        if ((repairs += 1) > MAX_REPAIRS) throw behind();
        await this.marks?.repair(environmentId);
        continue;
      }
      if (environment.activeDeploymentId === null || environment.activeBundleId === null) return { active: null };
      const deployment = await this.store.read.deployment(environment.orgId, environment.activeDeploymentId);
      const document = await this.#document(environment.activeBundleId, environment);
      if (document instanceof AppError) return { active: null, damage: document };
      if (deployment !== null && document !== null) {
        // Before anybody gets it.
        this.marks?.record(environmentId, markOf(environment));
        return { active: { deployment, document } };
      }
      // Something newer became active and this one was deleted between two reads: what is newest now is there.
    }
  }

  async #document(bundleId: string, environment: Environment): Promise<string | AppError | null> {
    const bundle: Bundle | null = await this.store.read.bundleById(bundleId);
    const content = bundle === null ? null : await this.store.read.content(bundle.contentId);
    if (bundle === null || content === null) return null;
    try {
      await this.verifier.require(bundle, content, environment);
    } catch (thrown) {
      if (!(thrown instanceof AppError) || thrown.code !== "data_loss") throw thrown;
      this.warnings.damaged(environment.id, thrown.message);
      return thrown;
    }
    return documentOf(bundle, content);
  }
}

function behind(): AppError {
  const message = "the database is behind what was served";
  return new AppError("unavailable", message, { reason: "history_lost", retryAfterSeconds: 1 });
}

function activeOf({ active, damage }: Pointer): ActiveBundle | null {
  if (damage !== undefined) throw damage;
  return active;
}

import { AppError } from "../core/error.js";
import { SingleFlight } from "../core/schedule/single-flight.js";
import type { Environment } from "../core/organization.js";
import type { Store, Writer } from "./store.js";

/** The highest numbers of an environment that this process knows to have been given. */
export interface HighWaterMark {
  readonly sequence: number;
  /** The activation that has this sequence; null when nothing was active. */
  readonly deploymentId: string | null;
  /** The last version. */
  readonly version: number;
}

/** What of an environment is compared. */
export type Numbered = Pick<Environment, "sequence" | "activeDeploymentId" | "lastVersion">;

/** About 20 MB. Of the environments beyond, those that were neither changed nor read for longest are forgotten. */
const MAX_ENVIRONMENTS = 100_000;

/** So often a change is begun again after what was lost was made good. */
const MAX_REPAIRS = 3;

/**
 * What one process has served, acknowledged or heard to be committed, by environment: so that it notices a database that has lost commits
 * (a standby without them was promoted, an older copy was put in its place) before it gives a number a second content.
 *
 * A mark is that of a commit. Whoever takes the mark first and reads the database then must find it, or something newer.
 */
export class HighWaterMarks {
  readonly #marks = new Map<string, HighWaterMark>();
  readonly #repairs = new SingleFlight<string, void>();
  #repair: ((environmentId: string) => Promise<void>) | null = null;

  constructor(private readonly maxEnvironments = MAX_ENVIRONMENTS) {}

  /** The environments with a mark, the one that was recorded longest ago first. */
  get environmentIds(): readonly string[] {
    return [...this.#marks.keys()];
  }

  of(environmentId: string): HighWaterMark | null {
    return this.#marks.get(environmentId) ?? null;
  }

  /** Keeps the highest; of the same sequence the activation that was told last. */
  record(environmentId: string, { sequence, deploymentId, version }: HighWaterMark): void {
    const known = this.#marks.get(environmentId);
    this.#marks.delete(environmentId);
    const isNewer = known === undefined || sequence >= known.sequence;
    this.#marks.set(environmentId, {
      sequence: isNewer ? sequence : known.sequence,
      deploymentId: isNewer ? deploymentId : known.deploymentId,
      version: Math.max(version, known?.version ?? 0),
    });
    if (this.#marks.size <= this.maxEnvironments) return;
    for (const oldest of this.#marks.keys()) {
      this.#marks.delete(oldest);
      return;
    }
  }

  forget(environmentId: string): void {
    this.#marks.delete(environmentId);
  }

  /** Sets what makes a loss good: afterwards the database is above the mark, or the environment is gone. */
  repairBy(repair: (environmentId: string) => Promise<void>): void {
    this.#repair = repair;
  }

  /** Makes the loss of an environment good; calls at the same time share it. Throws what the database throws. */
  async repair(environmentId: string): Promise<void> {
    const repair = this.#repair;
    if (repair === null) throw historyLost();
    await this.#repairs.run(environmentId, () => repair(environmentId));
  }

  /**
   * `write` of a store with marks: it keeps what is committed, and a transaction that would give a number again is undone, and repeated after
   * the loss was made good.
   */
  async write<T>(write: Store["write"], work: (tx: Writer) => Promise<T>): Promise<T> {
    for (let repairs = 0; ; repairs += 1) {
      let lost: string | null = null;
      try {
        const { answer, committed } = await write(async (tx) => {
          const marked = this.#watch(tx);
          try {
            const done = await work(marked.writer);
            // What a work does about errors must not keep one that gives numbers again.
            if (marked.lost() !== null) throw historyLost();
            return { answer: done, committed: marked.changed };
          } finally {
            lost = marked.lost();
          }
        });
        for (const [id, mark] of committed) this.record(id, mark);
        return answer;
      } catch (error) {
        if (lost === null || repairs >= MAX_REPAIRS) throw error;
        await this.repair(lost);
      }
    }
  }

  #watch(tx: Writer) {
    const changed = new Map<string, HighWaterMark>();
    let lost: string | null = null;
    const requireNew = (environmentId: string, isNew: (mark: HighWaterMark) => boolean) => {
      const mark = this.of(environmentId);
      if (mark === null || isNew(mark)) return;
      lost = environmentId;
      throw historyLost();
    };
    const watched: Partial<Writer> = {
      async insertDeployment(deployment) {
        requireNew(deployment.environmentId, ({ sequence }) => deployment.sequence > sequence);
        await tx.insertDeployment(deployment);
      },
      async insertBundle(bundle) {
        requireNew(bundle.environmentId, ({ version }) => bundle.version > version);
        await tx.insertBundle(bundle);
      },
      async updateEnvironment(environment) {
        changed.set(environment.id, markOf(environment));
        await tx.updateEnvironment(environment);
      },
    };
    // A copy, as each wrapper of a writer makes one: the methods of a writer are its own properties. An object that becomes a prototype
    // costs V8 more than ten times a copy.
    const writer: Writer = { ...tx, ...watched };
    return { writer, changed, lost: () => lost };
  }
}

/** The mark that an environment's state is. */
export function markOf({ sequence, activeDeploymentId, lastVersion }: Numbered): HighWaterMark {
  return { sequence, deploymentId: activeDeploymentId, version: lastVersion };
}

/** Whether a state that was read after the mark was taken is one that lacks it: commits were lost. */
export function isLost(mark: HighWaterMark | null, { sequence, activeDeploymentId, lastVersion }: Numbered): boolean {
  if (mark === null) return false;
  if (mark.sequence > sequence || mark.version > lastVersion) return true;
  return mark.sequence === sequence && mark.deploymentId !== activeDeploymentId;
}

function historyLost(): AppError {
  const message = "the database has lost changes that were acknowledged";
  return new AppError("unavailable", message, { reason: "history_lost", retryAfterSeconds: 1 });
}

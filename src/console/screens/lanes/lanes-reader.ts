import { signal, type ReadonlySignal, type Signal } from "@preact/signals";
import type { Deployment } from "../../../../gen/signet/v1/bundle_pb.js";
import type { Environment } from "../../../../gen/signet/v1/organization_pb.js";
import type { GetRolloutResponse } from "../../../../gen/signet/v1/runtime_pb.js";
import type { EnvironmentFleet, WatchedEnvironment } from "../../../../gen/signet/v1/watch_pb.js";
import type { EnvironmentNews } from "../../data/environment-news.js";
import type { ProjectAt } from "../../data/project-at.js";
import type { Lane } from "./lane.js";
import { HISTORY, lanesOf, listLanes, readLane, type Detail, type LaneClient, type Rollouts } from "./read-lanes.js";

/**
 * The lanes of a project, read once and then kept up to date by the news of the stream: an activation is shown at once, with what the
 * stream tells of it, and only what it does not tell is read, of the environments that changed alone.
 */
export class LanesReader {
  readonly #lanes: Signal<readonly Lane[] | undefined> = signal(undefined);
  readonly #due = signal(0);
  #environments: readonly Environment[] | undefined;
  /** Once it was told of: the URL may have its name. */
  #projectId: string | undefined;
  readonly #details = new Map<string, Detail>();
  readonly #rollouts: Rollouts = new Map();
  /** Counts what makes something outdated, so that a read does not settle what came after it had begun. */
  #count = 1;
  /** Since which count the whole is outdated; 0: it is not. */
  #allSince = 1;
  /** The same for environments, by id. */
  readonly #since = new Map<string, number>();
  /** Reads of the whole that are on their way, and the news that came meanwhile. */
  #wholeReads = 0;
  #meanwhile: EnvironmentNews[] = [];

  constructor(
    private readonly at: ProjectAt,
    private readonly client: LaneClient,
  ) {}

  /** Undefined until they were read. */
  get lanes(): ReadonlySignal<readonly Lane[] | undefined> {
    return this.#lanes;
  }

  /** Counts up when `read` has something to do. */
  get due(): ReadonlySignal<number> {
    return this.#due;
  }

  /** Has everything read again by the next `read`: news may have been missed. */
  outdate(): void {
    this.#allSince = this.#count += 1;
  }

  /** The same, and asks for it. */
  missed(): void {
    this.outdate();
    this.#due.value += 1;
  }

  /** Takes in what the stream tells. */
  hear(news: EnvironmentNews): void {
    // Which of both is newer, the news or the list, is seen when the list is there.
    if (this.#wholeReads > 0 || this.#environments === undefined) this.#meanwhile.push(news);
    else if (this.#apply(news)) this.#show();
  }

  /** Reads what is outdated. Rejects as the client does; what it could not read is outdated still. */
  async read(signal: AbortSignal): Promise<void> {
    const [allSince, since] = [this.#allSince, new Map(this.#since)];
    if (allSince === 0) await this.#readSome([...since.keys()], signal);
    else await this.#readAll(signal);
    if (this.#allSince === allSince) this.#allSince = 0;
    for (const [id, count] of since) if (this.#since.get(id) === count) this.#since.delete(id);
    if (this.#wholeReads === 0) for (const news of this.#meanwhile.splice(0)) this.#apply(news);
    this.#show();
  }

  async #readAll(signal: AbortSignal): Promise<void> {
    this.#wholeReads += 1;
    try {
      this.#environments = await listLanes(this.client, this.at, signal);
      await this.#readSome(
        this.#environments.map(({ id }) => id),
        signal,
      );
    } finally {
      this.#wholeReads -= 1;
    }
  }

  async #readSome(ids: readonly string[], signal: AbortSignal): Promise<void> {
    await Promise.all(
      ids.map(async (id) => {
        const environment = this.#environment(id);
        if (environment === undefined) return;
        const read = await readLane(this.client, this.at, environment, this.#details.get(id), signal);
        // Of an activation that was told of meanwhile more is known already, and the rest is read next.
        if (this.#environment(id)?.sequence !== environment.sequence) return;
        this.#details.set(id, read.detail);
        this.#rollouts.set(id, read.rollout);
      }),
    );
  }

  /** Whether it changed what is shown. */
  #apply(news: EnvironmentNews): boolean {
    switch (news.kind) {
      case "state":
        return this.#applyState(news.value);
      case "gone":
        // Perhaps with its project.
        if (this.#environment(news.id) !== undefined) this.missed();
        return false;
      case "fleet":
        for (const figures of news.value) {
          const id = figures.environmentId;
          const rollout = this.#rollouts.get(id);
          const isKnown = rollout !== undefined && countsOf(rollout) === countsOf(figures);
          if (!isKnown && this.#environment(id) !== undefined) this.#outdateOne(id);
        }
        return false;
    }
  }

  #applyState({ projectId, project, environment, deployment }: WatchedEnvironment): boolean {
    if (environment === undefined) return false;
    const before = this.#environment(environment.id);
    if (before === undefined) {
      if ([project, projectId].includes(this.at.project) || projectId === this.#projectId) this.missed();
      return false;
    }
    this.#projectId = projectId;
    if (environment.sequence < before.sequence || shownOf(environment) === shownOf(before)) return false;
    this.#environments = this.#environments?.map((other) => (other === before ? environment : other));
    if (environment.sequence > before.sequence) this.#activated(environment, deployment);
    return true;
  }

  #activated({ id, sequence }: Environment, deployment: Deployment | undefined): void {
    const before = this.#details.get(id);
    if (before !== undefined && deployment?.sequence === sequence) {
      this.#details.set(id, {
        sequence,
        history: [deployment, ...before.history].slice(0, HISTORY),
        // What was superseded at once is not told of.
        isWhole: before.isWhole && before.sequence + 1 === sequence,
        bundle: before.bundle?.version === deployment.version ? before.bundle : undefined,
      });
    }
    // Who applied the activation before says nothing of this one.
    this.#rollouts.delete(id);
    this.#outdateOne(id);
  }

  #outdateOne(id: string): void {
    this.#since.set(id, (this.#count += 1));
    this.#due.value += 1;
  }

  #environment(id: string): Environment | undefined {
    return this.#environments?.find((other) => other.id === id);
  }

  #show(): void {
    if (this.#environments !== undefined)
      this.#lanes.value = lanesOf(this.#environments, this.#details, this.#rollouts);
  }
}

/** What is shown of an environment's state, as one text. */
function shownOf(environment: Environment): string {
  const { sequence, activeVersion, position, promotesTo, protected: isProtected, signingKey, hold } = environment;
  const { by, reason, since } = hold ?? {};
  const shown = [sequence, activeVersion, position, promotesTo, isProtected, signingKey, by, reason, since?.seconds];
  return shown.join();
}

/** Live instances, all and by what they applied, as one text. */
function countsOf({ live, applied, behind, rejected, unknown }: GetRolloutResponse | EnvironmentFleet): string {
  return [live, applied, behind, rejected, unknown].join();
}

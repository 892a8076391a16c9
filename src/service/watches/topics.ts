import { instantOf, type Clock } from "../../core/clock.js";
import { nextTurn } from "../../core/schedule/in-steps.js";
import { ROLLOUT_STATES, rolloutState, type RolloutState } from "../../core/runtime-instance.js";
import type { Reader } from "../../store/store.js";
import type { StoreChange } from "../changes/store-changes.js";
import type { EnvironmentState } from "./environment-state.js";
import { Looks } from "./looks.js";
import { Slots } from "./slots.js";
import type { EnvironmentFigures, TopicEvent } from "./watch-event.js";

/** Changes of a fifth of a second share a look: no reader is told more often. */
const REST_MS = 200;

/** Between two looks at all figures: instances stop being live without a write. Where other nodes write, they are looked at as well. */
const ALL_FIGURES_MS = 10_000;
const SHARED_FIGURES_MS = 1_000;

/** After a look at figures others have the database for themselves for so many times as long as it took. */
const FIGURES_REST_FACTOR = 9;

/** Environments whose figures are looked for at once. */
const CHUNK = 200;

/** Most of one message. */
const MAX_IN_EVENT = 100;

/** Webhooks of which it is kept whose they are. */
const MAX_KNOWN_WEBHOOKS = 10_000;

/** What the topics of a scope need. */
export interface TopicContext {
  readonly orgId: string;
  readonly read: Reader;
  readonly clock: Clock;
  /** Whether other nodes write to the database. */
  readonly isShared: boolean;
  readonly environments: () => Iterable<EnvironmentState>;
  readonly environment: (id: string) => EnvironmentState | undefined;
  /** The next revision. */
  readonly revise: () => number;
  /** There is something to be told. */
  readonly wake: () => void;
}

/** What a topic has for a reader above its revision. */
export interface Told {
  readonly event: TopicEvent;
  readonly revision: number;
}

/** Reads what one topic tells, as long as somebody follows it. */
export interface TopicSource extends AsyncDisposable {
  changed(changes: readonly StoreChange[]): void;
  missed(): void;
  after(revision: number): Told | undefined;
}

/** Up to a hundred slots above a revision, in one event. */
function gather<T>(slots: Slots<T>, revision: number, eventOf: (values: readonly T[]) => TopicEvent): Told | undefined {
  const values: T[] = [];
  let last = revision;
  while (values.length < MAX_IN_EVENT) {
    const slot = slots.after(last);
    if (slot === undefined) break;
    values.push(slot.value);
    last = slot.revision;
  }
  return values.length === 0 ? undefined : { event: eventOf(values), revision: last };
}

/** Live instances of each environment. */
export class FleetTopic implements TopicSource {
  readonly #figures = new Slots<EnvironmentFigures>();
  readonly #changed = new Set<string>();
  readonly #looks = new Looks((signal) => this.#look(signal), REST_MS);
  readonly #timer: NodeJS.Timeout;
  #isAllDue = true;
  #restsUntilMs = 0;

  constructor(private readonly context: TopicContext) {
    const everyMs = context.isShared ? SHARED_FIGURES_MS : ALL_FIGURES_MS;
    this.#timer = setInterval(() => this.missed(), everyMs).unref();
    this.#looks.wake();
  }

  changed(changes: readonly StoreChange[]): void {
    for (const change of changes) {
      if (change.kind === "fleet") for (const id of change.environmentIds) this.#changed.add(id);
      // Another activation leaves instances behind.
      if (change.kind === "environment") this.#changed.add(change.id);
    }
    if (this.#changed.size > 0) this.#looks.wake();
  }

  missed(): void {
    this.#isAllDue = true;
    this.#looks.wake();
  }

  after(revision: number): Told | undefined {
    return gather(this.#figures, revision, (figures) => ({ kind: "fleet", figures }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    await this.#looks[Symbol.asyncDispose]();
  }

  async #look(signal: AbortSignal): Promise<void> {
    const { clock } = this.context;
    const startedMs = clock.monotonicMs();
    if (startedMs < this.#restsUntilMs) return void this.#later(this.#restsUntilMs - startedMs);
    const isAll = this.#isAllDue;
    const ids = isAll ? [...this.context.environments()].map(({ environment }) => environment.id) : [...this.#changed];
    this.#isAllDue = false;
    this.#changed.clear();
    try {
      for (let start = 0; start < ids.length && !signal.aborted; start += CHUNK) {
        await this.#read(ids.slice(start, start + CHUNK));
        await nextTurn();
      }
    } catch (error) {
      if (isAll) this.#isAllDue = true;
      else for (const id of ids) this.#changed.add(id);
      throw error;
    }
    const endedMs = clock.monotonicMs();
    this.#restsUntilMs = endedMs + (endedMs - startedMs) * FIGURES_REST_FACTOR;
  }

  #later(ms: number): void {
    setTimeout(() => this.#looks.wake(), ms).unref();
  }

  async #read(ids: readonly string[]): Promise<void> {
    const { read, clock, environment } = this.context;
    const now = instantOf(clock.now());
    // Those of other organizations are none of this scope's.
    const states = ids.flatMap((id) => environment(id) ?? []);
    const withLive = await read.environmentsWithLive(
      states.map((state) => state.environment.id),
      now,
    );
    for (const { environment: its, deployment } of states) {
      const counts = Object.fromEntries(ROLLOUT_STATES.map((state) => [state, 0])) as Record<RolloutState, number>;
      let live = 0;
      for (const { count, ...reported } of withLive.has(its.id) ? await read.liveCounts(its.id, now) : []) {
        counts[rolloutState(reported, deployment?.sequence ?? null)] += count;
        live += count;
      }
      this.#put({ environmentId: its.id, projectId: its.projectId, environment: its.name, live, counts });
    }
  }

  #put(figures: EnvironmentFigures): void {
    const before = this.#figures.get(figures.environmentId);
    if (before === undefined ? figures.live === 0 : isAlike(before, figures)) return;
    this.#figures.put(figures.environmentId, figures, this.context.revise());
    this.context.wake();
  }
}

function isAlike(a: EnvironmentFigures, b: EnvironmentFigures): boolean {
  return a.live === b.live && ROLLOUT_STATES.every((state) => a.counts[state] === b.counts[state]);
}

/** Webhooks of the organization whose deliveries changed. */
export class DeliveriesTopic implements TopicSource {
  readonly #webhooks = new Slots<string>();
  readonly #changed = new Set<string>();
  readonly #isOurs = new Map<string, boolean>();
  #isAllDue = false;
  readonly #looks = new Looks(() => this.#look(), REST_MS);

  constructor(private readonly context: TopicContext) {}

  changed(changes: readonly StoreChange[]): void {
    for (const change of changes) {
      if (change.kind === "delivery") this.#changed.add(change.webhookId);
      if (change.kind !== "webhook" || change.orgId !== this.context.orgId) continue;
      this.#isOurs.set(change.id, true);
      this.#changed.add(change.id);
    }
    if (this.#changed.size > 0) this.#looks.wake();
  }

  missed(): void {
    this.#isAllDue = true;
    this.#looks.wake();
  }

  after(revision: number): Told | undefined {
    return gather(this.#webhooks, revision, (webhookIds) => ({ kind: "deliveries", webhookIds }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#looks[Symbol.asyncDispose]();
  }

  async #look(): Promise<void> {
    if (this.#isAllDue) {
      const { rows } = await this.context.read.webhooks(this.context.orgId, { limit: MAX_KNOWN_WEBHOOKS, offset: 0 });
      for (const { id } of rows) this.#changed.add(id);
      this.#isAllDue = false;
    }
    for (const id of this.#changed) {
      if (!(await this.#isOurWebhook(id))) {
        this.#changed.delete(id);
        continue;
      }
      this.#changed.delete(id);
      this.#webhooks.put(id, id, this.context.revise());
      this.context.wake();
    }
  }

  async #isOurWebhook(id: string): Promise<boolean> {
    const known = this.#isOurs.get(id);
    if (known !== undefined) return known;
    const isOurs = (await this.context.read.webhook(this.context.orgId, id)) !== null;
    if (this.#isOurs.size >= MAX_KNOWN_WEBHOOKS) this.#isOurs.clear();
    this.#isOurs.set(id, isOurs);
    return isOurs;
  }
}

/** The newest audit event of the organization. */
export class AuditTopic implements TopicSource {
  #head: { readonly told: Told; readonly id: number } | null = null;
  readonly #looks = new Looks(() => this.#look(), REST_MS);

  constructor(private readonly context: TopicContext) {
    this.#looks.wake();
  }

  changed(changes: readonly StoreChange[]): void {
    if (changes.some((change) => change.kind === "audit" && change.orgId === this.context.orgId)) this.#looks.wake();
  }

  missed(): void {
    this.#looks.wake();
  }

  after(revision: number): Told | undefined {
    return this.#head !== null && this.#head.told.revision > revision ? this.#head.told : undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#looks[Symbol.asyncDispose]();
  }

  async #look(): Promise<void> {
    const event = await this.context.read.auditHead(this.context.orgId);
    if (event === null || event.id === this.#head?.id) return;
    this.#head = { id: event.id, told: { event: { kind: "audit", event }, revision: this.context.revise() } };
    this.context.wake();
  }
}

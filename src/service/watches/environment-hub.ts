import { randomBytes } from "node:crypto";
import type { Clock } from "../../core/clock.js";
import { AppError, notFound } from "../../core/error.js";
import type { Project } from "../../core/organization.js";
import type { Reader } from "../../store/store.js";
import type { StoreChange, StoreChanges, StoreListener } from "../changes/store-changes.js";
import type { EnvironmentState } from "./environment-state.js";
import { Looks } from "./looks.js";
import { isIn, MAX_WATCHED_ENVIRONMENTS, readScope, readStates, tooMany, type WatchScope } from "./read-states.js";
import { Slots } from "./slots.js";
import { AuditTopic, DeliveriesTopic, FleetTopic, type TopicContext, type TopicSource } from "./topics.js";
import type { WatchTopic } from "./watch-event.js";

/** Deletions that are kept for readers that come back by an event id. */
const MAX_TOMBSTONES = 1_000;

/** What the hub keeps of a project or an environment. */
export type KeptState =
  /** `activatedAt` is the revision at which its activation was seen; 0 for none. */
  | { readonly kind: "environment"; readonly state: EnvironmentState; readonly activatedAt: number }
  | { readonly kind: "environment_deleted"; readonly state: EnvironmentState }
  | { readonly kind: "project" | "project_deleted"; readonly project: Project };

/** Who follows a hub. No method may throw. */
export interface HubReader {
  readonly topics: readonly WatchTopic[];
  /** There is something new. */
  wake(): void;
  /** The scope cannot be followed any more. */
  end(reason: AppError): void;
}

/** What hubs need. */
export interface HubDeps {
  readonly read: Reader;
  readonly clock: Clock;
  readonly changes: StoreChanges;
  /** Whether other nodes write to the database. */
  readonly isShared: boolean;
}

/** The newest state of every project and environment of a scope, read once for all who follow it, and again when it changes. */
export class EnvironmentHub implements StoreListener, AsyncDisposable {
  /** Names it in event ids: 16 hex digits. */
  readonly id = randomBytes(8).toString("hex");
  /** Resolves when the states are there; rejects with `not_found`, `conflict` (too many of them), or as the store does. */
  readonly loaded: Promise<void>;
  readonly states = new Slots<KeptState>();
  /** Who comes back with an older one may have missed a deletion. */
  resumableFrom = 0;
  #revision = 0;
  #environments = 0;
  readonly #readers = new Set<HubReader>();
  readonly #topics = new Map<WatchTopic, TopicSource>();
  readonly #projects = new Map<string, Project>();
  readonly #changed = new Set<string>();
  readonly #newProjects = new Set<string>();
  #isAllDue = false;
  #isLoaded = false;
  #isReading = true;
  readonly #tombstones: string[] = [];
  readonly #looks = new Looks(() => this.#look(), 0);
  readonly #listening: Disposable;

  constructor(
    readonly scope: WatchScope,
    private readonly deps: HubDeps,
    /** Called once, when the scope cannot be followed any more. */
    private readonly onEnd: () => void,
  ) {
    // Before it reads.
    this.#listening = deps.changes.listen(this);
    this.loaded = this.#load();
    // Whoever waits for it gets the error.
    this.loaded.catch(() => undefined);
  }

  /** The newest revision. */
  get revision(): number {
    return this.#revision;
  }

  /** How many environments there are. */
  get environments(): number {
    return this.#environments;
  }

  get readers(): number {
    return this.#readers.size;
  }

  add(reader: HubReader): void {
    this.#readers.add(reader);
    for (const topic of reader.topics) if (!this.#topics.has(topic)) this.#topics.set(topic, this.#openTopic(topic));
  }

  delete(reader: HubReader): void {
    if (!this.#readers.delete(reader)) return;
    for (const [topic, source] of this.#topics) {
      if ([...this.#readers].some(({ topics }) => topics.includes(topic))) continue;
      this.#topics.delete(topic);
      void source[Symbol.asyncDispose]();
    }
  }

  /** Undefined while nobody follows it. */
  topic(topic: WatchTopic): TopicSource | undefined {
    return this.#topics.get(topic);
  }

  stateOf(environmentId: string): EnvironmentState | undefined {
    const kept = this.states.get(environmentId);
    return kept?.kind === "environment" ? kept.state : undefined;
  }

  changed(changes: readonly StoreChange[]): void {
    for (const change of changes) {
      if (change.kind === "environment" && (change.orgId ?? this.scope.orgId) === this.scope.orgId) {
        this.#changed.add(change.id);
      }
      if (change.kind === "tenancy" && this.#concerns(change.of)) this.#isAllDue = true;
      if (change.kind === "project" && isIn(this.scope, change.orgId, change.id)) this.#newProjects.add(change.id);
    }
    this.#wakeLooks();
    for (const topic of this.#topics.values()) topic.changed(changes);
  }

  missed(): void {
    this.#isAllDue = true;
    this.#wakeLooks();
    for (const topic of this.#topics.values()) topic.missed();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listening[Symbol.dispose]();
    await Promise.all([...this.#topics.values()].map((topic) => topic[Symbol.asyncDispose]()));
    await this.#looks[Symbol.asyncDispose]();
  }

  async #load(): Promise<void> {
    await this.#readAll();
    this.#isLoaded = true;
    this.#isReading = false;
    this.#wakeLooks();
    // It began before there were environments.
    this.#topics.get("fleet")?.missed();
  }

  #wakeLooks(): void {
    // What changes while it loads is read afterwards.
    const isDue = this.#isAllDue || this.#changed.size > 0 || this.#newProjects.size > 0;
    if (this.#isLoaded && isDue) this.#looks.wake();
  }

  /**
   * Whether what is gone may be of this scope. Deletions of other organizations would else have all of it read again. What is being read may
   * have been there when the reading began; environments are told of by themselves.
   */
  #concerns(id: string | undefined): boolean {
    return id === undefined || this.#isReading || id === this.scope.orgId || this.#projects.has(id);
  }

  async #look(): Promise<void> {
    const [isAll, ids, projectIds] = [this.#isAllDue, [...this.#changed], [...this.#newProjects]];
    this.#isAllDue = false;
    this.#changed.clear();
    this.#newProjects.clear();
    this.#isReading = true;
    try {
      if (isAll) await this.#readAll();
      else await this.#readSome(ids, projectIds);
    } catch (error) {
      if (error instanceof AppError && (error.code === "not_found" || error.code === "conflict"))
        return this.#end(error);
      // The next look reads all that this one should have.
      this.#isAllDue = true;
      throw error;
    } finally {
      this.#isReading = false;
    }
  }

  async #readAll(): Promise<void> {
    const found = await readScope(this.deps.read, this.scope);
    if (found === null) throw notFound(this.scope.projectId === null ? "organization" : "project");
    for (const project of found.projects.values()) this.#putProject(project);
    for (const state of found.states) this.#putState(state);
    const seen = new Set(found.states.map(({ environment }) => environment.id));
    for (const kept of [...this.states.values()]) {
      if (kept.kind === "environment" && !seen.has(kept.state.environment.id)) this.#deleteState(kept.state);
      if (kept.kind === "project" && !found.projects.has(kept.project.id)) this.#deleteProject(kept.project);
    }
    this.#tell();
  }

  async #readSome(ids: readonly string[], projectIds: readonly string[]): Promise<void> {
    const { read } = this.deps;
    const states = [...(await readStates(read, this.scope, this.#projects, ids))];
    for (const projectId of projectIds) {
      const found = await readScope(read, { orgId: this.scope.orgId, projectId });
      if (found === null) continue;
      for (const project of found.projects.values()) this.#putProject(project);
      states.push(...found.states);
    }
    const seen = new Set<string>();
    for (const state of states) {
      seen.add(state.environment.id);
      this.#putProject(state.project);
      this.#putState(state);
    }
    for (const id of ids) {
      const known = seen.has(id) ? undefined : this.stateOf(id);
      if (known !== undefined) this.#deleteState(known);
    }
    if (this.#environments > MAX_WATCHED_ENVIRONMENTS) throw tooMany();
    this.#tell();
  }

  #putProject(project: Project): void {
    this.#projects.set(project.id, project);
    if (this.states.get(project.id)?.kind !== "project") this.#put(project.id, { kind: "project", project });
  }

  #putState(state: EnvironmentState): void {
    const { id } = state.environment;
    const before = this.states.get(id);
    const known = before?.kind === "environment" ? before : undefined;
    if (known === undefined) this.#environments += 1;
    else if (known.state.tag === state.tag) return;
    const isSame = known?.state.deployment?.id === state.deployment?.id;
    this.#put(id, { kind: "environment", state, activatedAt: isSame ? (known?.activatedAt ?? 0) : this.#revision + 1 });
  }

  #deleteState(state: EnvironmentState): void {
    this.#environments -= 1;
    this.#bury(state.environment.id, { kind: "environment_deleted", state });
  }

  #deleteProject(project: Project): void {
    this.#projects.delete(project.id);
    this.#bury(project.id, { kind: "project_deleted", project });
  }

  #bury(key: string, kept: KeptState): void {
    this.#put(key, kept);
    this.#tombstones.push(key);
    if (this.#tombstones.length <= MAX_TOMBSTONES) return;
    const oldest = this.#tombstones.shift() ?? "";
    this.states.delete(oldest);
    this.resumableFrom = this.#revision;
  }

  #put(key: string, kept: KeptState): void {
    this.#revision += 1;
    this.states.put(key, kept, this.#revision);
  }

  #tell(): void {
    for (const reader of this.#readers) reader.wake();
  }

  #end(reason: AppError): void {
    for (const reader of [...this.#readers]) reader.end(reason);
    this.onEnd();
  }

  #openTopic(topic: WatchTopic): TopicSource {
    const { read, clock, isShared } = this.deps;
    const context: TopicContext = {
      ...{ orgId: this.scope.orgId, read, clock, isShared },
      environments: () => this.#living(),
      environment: (id) => this.stateOf(id),
      revise: () => (this.#revision += 1),
      wake: () => this.#tell(),
    };
    if (topic === "fleet") return new FleetTopic(context);
    return topic === "audit" ? new AuditTopic(context) : new DeliveriesTopic(context);
  }

  *#living(): IterableIterator<EnvironmentState> {
    for (const kept of this.states.values()) if (kept.kind === "environment") yield kept.state;
  }
}

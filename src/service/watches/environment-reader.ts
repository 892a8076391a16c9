import type { Clock } from "../../core/clock.js";
import type { AppError } from "../../core/error.js";
import { waitFor } from "../../core/schedule/wait.js";
import type { Freshness } from "../access/freshness.js";
import type { LeaseOwner } from "../access/sessions.js";
import type { EnvironmentHub, HubReader, KeptState } from "./environment-hub.js";
import { hasState, isActivated, type EnvironmentCursor } from "./environment-state.js";
import { Pace } from "./pace.js";
import type { Slot } from "./slots.js";
import type { CurrentEvent, EnvironmentsEvent, StateEvent, TopicEvent, WatchTopic } from "./watch-event.js";

/** What a reader knows already. */
export interface KnownStates {
  /** By environment; empty: nothing. */
  readonly cursors: ReadonlyMap<string, EnvironmentCursor>;
  /** The revision of this hub that it has seen; null without one. */
  readonly revision: number | null;
}

type Untagged = StateEvent | TopicEvent | CurrentEvent;

/**
 * One stream: what it has seen of the hub, as a revision for states and one for each topic. It pulls, so there is no queue: a reader
 * that comes late finds the newest of everything that it has not seen.
 */
export class EnvironmentReader implements HubReader, LeaseOwner {
  readonly #pace = new Pace<WatchTopic>();
  readonly #topicRevisions = new Map<WatchTopic, number>();
  #revision = 0;
  /** States up to here answer the request. */
  #startRevision = 0;
  #known: KnownStates = { cursors: new Map(), revision: null };
  #gone: string[] = [];
  #isCurrent = false;
  #heartbeatAtMs = 0;
  #reason: AppError | null = null;
  #wake: () => void = () => undefined;

  constructor(
    private readonly hub: EnvironmentHub,
    readonly topics: readonly WatchTopic[],
    private readonly deps: { readonly clock: Clock; readonly freshness: Freshness; readonly heartbeatMs: number },
  ) {}

  /** After the hub has loaded. */
  begin(known: KnownStates): void {
    const { hub } = this;
    const isResumed = known.revision !== null && known.revision <= hub.revision && known.revision >= hub.resumableFrom;
    this.#known = { ...known, revision: isResumed ? known.revision : null };
    this.#startRevision = isResumed ? 0 : hub.revision;
    this.#revision = this.#known.revision ?? 0;
    this.#gone = [...known.cursors.keys()].filter((id) => hub.stateOf(id) === undefined);
    this.#heartbeatAtMs = this.deps.clock.monotonicMs() + this.deps.heartbeatMs;
  }

  wake(): void {
    this.#wake();
  }

  end(reason: AppError): void {
    this.#reason ??= reason;
    this.#wake();
  }

  /** The next event, for one caller at a time. Rejects with the reason when it is over, or with the signal's. */
  async next(signal: AbortSignal): Promise<EnvironmentsEvent> {
    for (;;) {
      if (this.#reason !== null) throw this.#reason;
      signal.throwIfAborted();
      const woken = new Promise<void>((resolve) => (this.#wake = resolve));
      const nowMs = this.deps.clock.monotonicMs();
      const event = this.take(nowMs);
      if (event !== undefined) return event;
      await waitFor(woken, this.#waitMs(nowMs), [signal]);
    }
  }

  /** The next event that is due at this time of the clock; undefined when none is. */
  take(nowMs: number): EnvironmentsEvent | undefined {
    const event = this.#nextGone() ?? this.#nextState() ?? this.#nextCurrent() ?? this.#nextTopic(nowMs);
    if (event === undefined && nowMs < this.#heartbeatAtMs) return undefined;
    this.#heartbeatAtMs = nowMs + this.deps.heartbeatMs;
    const told = event ?? { kind: "heartbeat" as const, ...this.deps.freshness.moment() };
    return { eventId: `${this.#revision}.${this.hub.id}`, ...told };
  }

  #nextGone(): Untagged | undefined {
    const id = this.#gone.shift();
    return id === undefined ? undefined : { kind: "environment_deleted", id, name: null, projectId: null };
  }

  #nextState(): Untagged | undefined {
    for (;;) {
      const slot = this.hub.states.after(this.#revision);
      if (slot === undefined) return undefined;
      const before = this.#revision;
      this.#revision = slot.revision;
      const event = this.#eventOf(slot, before);
      if (event !== undefined) return event;
    }
  }

  /** Undefined for what the reader knows. */
  #eventOf({ revision, value }: Slot<KeptState>, before: number): Untagged | undefined {
    const isAnswer = revision <= this.#startRevision;
    switch (value.kind) {
      case "project":
        return value;
      case "project_deleted":
        return isAnswer ? undefined : value;
      case "environment_deleted": {
        const { id, name, projectId } = value.state.environment;
        return isAnswer ? undefined : { kind: "environment_deleted", id, name, projectId };
      }
      case "environment": {
        const { state, activatedAt } = value;
        if (!isAnswer) return { kind: "environment", state, isActivated: activatedAt > before };
        const cursor = this.#known.cursors.get(state.environment.id);
        if (hasState(state, cursor)) return undefined;
        return { kind: "environment", state, isActivated: isActivated(state, cursor) };
      }
    }
  }

  #nextCurrent(): Untagged | undefined {
    if (this.#isCurrent) return undefined;
    this.#isCurrent = true;
    const isResumed = this.#known.revision !== null;
    const isFull = !isResumed && this.#known.cursors.size === 0;
    // Not needed any more, and a thousand streams may each have many.
    this.#known = { cursors: new Map(), revision: null };
    return { kind: "current", isFull, hasProjects: !isResumed, environments: this.hub.environments };
  }

  #nextTopic(nowMs: number): Untagged | undefined {
    for (const topic of this.topics) {
      if (this.#pace.waitMs(topic, nowMs) > 0) continue;
      const told = this.hub.topic(topic)?.after(this.#topicRevisions.get(topic) ?? 0);
      if (told === undefined) continue;
      this.#topicRevisions.set(topic, told.revision);
      this.#pace.told(topic, nowMs);
      return told.event;
    }
    return undefined;
  }

  /** Until a heartbeat or a topic is due, in milliseconds. */
  #waitMs(nowMs: number): number {
    const waits = this.topics.map((topic) => this.#pace.waitMs(topic, nowMs)).filter((ms) => ms > 0);
    return Math.max(1, Math.min(this.#heartbeatAtMs - nowMs, ...waits));
  }
}

import type { WatchObserver } from "./observers.js";

/** How one stream keeps up with its environment. Dispose it when the stream ends. */
export interface Feed extends Disposable {
  /** How many changes there have been: to be asked for before what is newest is read. */
  readonly changes: number;
  /** The stream was handed what was newest when there had been so many changes, or had it already. */
  caughtUp(changes: number): void;
}

interface Change {
  readonly number: number;
  readonly atMs: number;
  /** Streams that have it still before them. */
  waiting: number;
}

interface Environment {
  changes: number;
  /** Open streams, and those of them that have not been handed the newest change. */
  streams: number;
  behind: number;
  /** Oldest first. One that is older is waited for by no more streams than one that is newer, so they end in order. */
  readonly open: Change[];
}

/** Changes of one environment that are followed at once: a stream that stands still must not make the list grow. */
const MAX_OPEN_CHANGES = 64;

/** Follows, for whoever measures, how changes reach the streams that were open when they were committed. */
export class FeedProgress {
  readonly #environments = new Map<string, Environment>();

  constructor(private readonly observer: WatchObserver) {}

  /** A stream of this environment opens; it has everything that was committed so far. */
  open(environmentId: string): Feed {
    const environment = this.#environments.get(environmentId) ?? { changes: 0, streams: 0, behind: 0, open: [] };
    this.#environments.set(environmentId, environment);
    environment.streams += 1;
    let passed = environment.changes;
    let isOpen = true;
    const pass = (changes: number, wasHanded: boolean) => {
      if (!isOpen || changes <= passed) return;
      this.#passed(environment, passed, changes, wasHanded);
      passed = changes;
    };
    return {
      get changes() {
        return environment.changes;
      },
      caughtUp: (changes) => pass(changes, true),
      [Symbol.dispose]: () => {
        if (!isOpen) return;
        pass(environment.changes, false);
        isOpen = false;
        environment.streams -= 1;
        if (environment.streams === 0) this.#environments.delete(environmentId);
      },
    };
  }

  /** A change of this environment was committed. */
  changed(environmentId: string): void {
    const environment = this.#environments.get(environmentId);
    if (environment === undefined) return;
    environment.changes += 1;
    const { open, streams } = environment;
    open.push({ number: environment.changes, atMs: performance.now(), waiting: streams });
    if (open.length > MAX_OPEN_CHANGES) open.shift();
    this.observer.behind(streams - environment.behind);
    environment.behind = streams;
  }

  /** A stream has the changes above `from` up to `to` no more before it. */
  #passed(environment: Environment, from: number, to: number, wasHanded: boolean): void {
    const { open } = environment;
    if (to === environment.changes) {
      environment.behind -= 1;
      this.observer.behind(-1);
    }
    for (const change of open) {
      if (change.number > from && change.number <= to) change.waiting -= 1;
    }
    const nowMs = performance.now();
    for (let oldest = open[0]; oldest?.waiting === 0; oldest = open[0]) {
      open.shift();
      // One that the last stream left without taking is not measured: it was not fed then.
      if (wasHanded) this.observer.fed(nowMs - oldest.atMs);
    }
  }
}

/** A wake-up that was asked for. */
export interface Wakeup extends Disposable {
  /** Resolves at the next change; never rejects. */
  readonly woken: Promise<void>;
}

/** Keeps something of environments. */
interface Cache {
  forget(environmentId: string): void;
  forgetAll(): void;
}

/**
 * Tells waiters that an environment changed. It carries no data and keeps no queue: waiters then read the newest state. Ask for the
 * wake-up *before* reading, or a change falls between.
 *
 * A use case that changes the active bundle of an environment, or deletes it, wakes it after the commit and before the change is
 * acknowledged: caches rely on that as much as waiters.
 */
export class Wakeups {
  readonly #caches: Cache[] = [];
  readonly #listening = new Map<string, Set<() => void>>();
  readonly #waiting = new Map<string, Set<() => void>>();

  /** Calls a cache back at each change, before waiters and listeners. */
  invalidate(cache: Cache): void {
    this.#caches.push(cache);
  }

  /** Calls back at each change until it is disposed of. */
  listen(environmentId: string, changed: () => void): Disposable {
    return register(this.#listening, environmentId, changed);
  }

  next(environmentId: string): Wakeup {
    let wake = () => {};
    const woken = new Promise<void>((resolve) => {
      wake = resolve;
    });
    const { [Symbol.dispose]: dispose } = register(this.#waiting, environmentId, wake);
    return { woken, [Symbol.dispose]: dispose };
  }

  /** The environments that somebody waits for or listens to. */
  get awaited(): ReadonlySet<string> {
    return new Set([...this.#listening.keys(), ...this.#waiting.keys()]);
  }

  /** Caches forget all environments: it is not known which have changed. Nobody is woken: see `tell`. */
  forgetAll(): void {
    for (const cache of this.#caches) cache.forgetAll();
  }

  /** Wakes all waiters of this environment. */
  wake(environmentId: string): void {
    for (const cache of this.#caches) cache.forget(environmentId);
    this.tell(environmentId);
  }

  /** As `wake`, after `forgetAll`: caches keep what they have read since. */
  tell(environmentId: string): void {
    const waiters = this.#waiting.get(environmentId);
    this.#waiting.delete(environmentId);
    for (const changed of this.#listening.get(environmentId) ?? []) changed();
    for (const wake of waiters ?? []) wake();
  }
}

function register(table: Map<string, Set<() => void>>, environmentId: string, call: () => void): Disposable {
  const calls = table.get(environmentId) ?? new Set();
  table.set(environmentId, calls);
  calls.add(call);
  return {
    [Symbol.dispose]: () => {
      calls.delete(call);
      if (calls.size === 0 && table.get(environmentId) === calls) table.delete(environmentId);
    },
  };
}

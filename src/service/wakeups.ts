/** A wake-up that was asked for. */
export interface Wakeup extends Disposable {
  /** Resolves at the next change; never rejects. */
  readonly woken: Promise<void>;
}

/**
 * Tells waiters that an environment changed. It carries no data and keeps no queue: who is woken reads what is newest. Ask for the
 * wake-up *before* reading, or a change falls between.
 */
export class Wakeups {
  readonly #waiting = new Map<string, Set<() => void>>();

  /** `onWake` is told of each change before who waits is woken; it must not throw. */
  constructor(private readonly onWake: (environmentId: string) => void = () => undefined) {}

  next(environmentId: string): Wakeup {
    const waiters = this.#waiting.get(environmentId) ?? new Set();
    this.#waiting.set(environmentId, waiters);
    let wake = () => {};
    const woken = new Promise<void>((resolve) => {
      wake = resolve;
    });
    waiters.add(wake);
    return {
      woken,
      [Symbol.dispose]: () => {
        waiters.delete(wake);
        if (waiters.size === 0 && this.#waiting.get(environmentId) === waiters) this.#waiting.delete(environmentId);
      },
    };
  }

  /** Wakes everybody who waits for this environment. */
  wake(environmentId: string): void {
    this.onWake(environmentId);
    const waiters = this.#waiting.get(environmentId);
    this.#waiting.delete(environmentId);
    for (const wake of waiters ?? []) wake();
  }
}

/** Functions that wait for events by name. */
export class Listeners<Events> {
  readonly #byName = new Map<keyof Events, Set<(value: never) => void>>();

  /** Adds one; returns a function that removes it. */
  add<Name extends keyof Events>(name: Name, listener: (value: Events[Name]) => void): () => void {
    const listeners = this.#byName.get(name) ?? new Set();
    this.#byName.set(name, listeners);
    // Not the function itself: it may be added twice.
    const entry = (value: Events[Name]) => listener(value);
    listeners.add(entry);
    return () => void listeners.delete(entry);
  }

  /** Calls all of a name. What one throws becomes an uncaught exception, as with EventTarget, and stops no other. */
  tell<Name extends keyof Events>(name: Name, value: Events[Name]): void {
    for (const listener of this.#byName.get(name) ?? []) {
      try {
        (listener as (value: Events[Name]) => void)(value);
      } catch (thrown) {
        queueMicrotask(() => {
          throw thrown;
        });
      }
    }
  }
}

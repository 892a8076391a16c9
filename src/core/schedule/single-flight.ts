/** Calls with the same key share one outcome while the first of them is under way. Nothing is kept after that. */
export class SingleFlight<K, V> {
  readonly #flights = new Map<K, Promise<V>>();

  /** Joins the call under way for `key`, or starts one. Rejects as that call does. */
  run(key: K, call: () => Promise<V>): Promise<V> {
    const found = this.#flights.get(key);
    if (found !== undefined) return found;
    const flight = call().finally(() => {
      this.#flights.delete(key);
    });
    this.#flights.set(key, flight);
    return flight;
  }
}

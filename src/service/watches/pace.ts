/** Between two messages of a topic on one stream, in milliseconds: at most 5 a second. */
export const TOPIC_INTERVAL_MS = 200;

/** When a stream may be told of each topic again. What changes meanwhile goes into the next message. */
export class Pace<T> {
  readonly #nextMs = new Map<T, number>();

  /** How long until it may be told of this, in milliseconds; 0 for now. */
  waitMs(topic: T, nowMs: number): number {
    return Math.max(0, (this.#nextMs.get(topic) ?? -Infinity) - nowMs);
  }

  /** It is told of it now. */
  told(topic: T, nowMs: number): void {
    this.#nextMs.set(topic, nowMs + TOPIC_INTERVAL_MS);
  }
}

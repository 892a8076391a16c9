import { NoPrimaryError } from "./hosts.js";

/** Between two attempts to reach a database that is away, in milliseconds. */
const PAUSE_MS = 250;

/**
 * Answers at once while the database is away: after an attempt that failed, one at a time tries again, and all others get its error. Without
 * it each request of a fleet would wait for a connection that cannot be made.
 */
export class Circuit {
  #failure: unknown = null;
  #failedAtMs = 0;
  #isTrying = false;

  /** Runs an attempt to connect, or throws the error of the last one. */
  async run<T>(connect: () => Promise<T>): Promise<T> {
    const isProbe = this.#failure !== null;
    if (isProbe && (this.#isTrying || performance.now() - this.#failedAtMs < PAUSE_MS)) throw this.#failure;
    if (isProbe) this.#isTrying = true;
    try {
      const connected = await connect();
      this.#failure = null;
      return connected;
    } catch (error) {
      if (error instanceof NoPrimaryError) {
        this.#failure = error;
        this.#failedAtMs = performance.now();
      }
      throw error;
    } finally {
      if (isProbe) this.#isTrying = false;
    }
  }
}

import { RungConnection } from "./rung-connection.js";
import type { Position, Rung } from "./rung.js";

/** When a better way is tried. */
export interface ClimbOptions {
  /** How long a connection may take to its first message, at first. */
  readonly firstMs: number;
  /** After this time, and then after twice as long each time, up to an hour; half of it at random. */
  readonly climbMs: number;
}

const MAX_CLIMB_MS = 60 * 60_000;

/** Tries from time to time, beside a connection, whether a better rung works. */
export class Climb implements Disposable {
  readonly #over = new AbortController();
  #timer: ReturnType<typeof setTimeout> | undefined;

  /**
   * @param rungs the better ones, best first
   * @param found is given the connection to go on with; once
   */
  constructor(
    private readonly rungs: readonly Rung[],
    private readonly options: ClimbOptions,
    private readonly found: (connection: RungConnection) => void,
  ) {}

  /** Begins to wait; does nothing at the top. */
  start(position: () => Position, signal: AbortSignal): void {
    if (this.rungs.length > 0) this.#after(this.options.climbMs, position, signal);
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    this.#over.abort();
  }

  #after(delayMs: number, position: () => Position, signal: AbortSignal): void {
    const next = Math.min(2 * delayMs, MAX_CLIMB_MS);
    this.#timer = setTimeout(
      () => {
        void this.#try(position, signal).then((isFound) => {
          if (!isFound && !this.#over.signal.aborted) this.#after(next, position, signal);
        });
      },
      delayMs * (0.5 + Math.random() / 2),
    );
    unref(this.#timer);
  }

  async #try(position: () => Position, signal: AbortSignal): Promise<boolean> {
    for (const rung of this.rungs) {
      if (this.#over.signal.aborted) return false;
      const connection = new RungConnection(rung, position, signal, this.options.firstMs);
      const leave = () => connection.leave();
      this.#over.signal.addEventListener("abort", leave, { once: true });
      const works = await connection.begins().catch(() => false);
      this.#over.signal.removeEventListener("abort", leave);
      if (works && !this.#over.signal.aborted) {
        this.found(connection);
        return true;
      }
      connection.leave();
    }
    return false;
  }
}

/** Lets the process end while the timer runs; in browsers a timer is a number. */
export function unref(timer: ReturnType<typeof setTimeout>): void {
  if (typeof timer === "object") timer.unref();
}

import type { About, News, Position } from "./rung.js";

/** A server that says something else each time is not listened to for ever. */
const MAX_LOOKS = 8;

/**
 * What was refused on a connection that stays. Until it is asked for again, only what is newer is looked at: another deployment, or the
 * same one under a newer root.
 */
export class Refused {
  #about: About | null = null;
  #roots = 0;
  #count = 0;
  #untilMs = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** Whether the connection is left to ask again: the wait is over. */
  isDue = false;

  /** @param leave ends the connection, so that the next one asks again */
  constructor(private readonly leave: () => void) {}

  /** False when the connection is to be left at once. */
  mayStay(news: News): news is News & { readonly type: "proof" } {
    return news.type === "proof" && this.#count < MAX_LOOKS;
  }

  /** Adds one more, to be asked for again after `delayMs`. */
  add(news: News & { readonly type: "proof" }, delayMs: number): void {
    this.#count += 1;
    this.#about = news.about;
    this.#roots = news.roots;
    this.#untilMs = performance.now() + delayMs;
    this.stop();
    this.#timer = setTimeout(() => {
      this.isDue = true;
      this.leave();
    }, delayMs);
  }

  /** Whether these are news of what was refused. */
  has(news: News): boolean {
    if (this.#about === null || news.type !== "proof") return false;
    return news.about.deploymentId === this.#about.deploymentId && news.roots <= this.#roots;
  }

  /** From where a poll goes on: it is not given again what was refused. */
  after(position: Position): Position {
    return this.#about === null ? position : { ...position, ...this.#about };
  }

  /** How long the next attempt has to wait still, in milliseconds; 0 when nothing is refused. */
  get leftMs(): number {
    return this.#about === null ? 0 : Math.max(0, this.#untilMs - performance.now());
  }

  /** Forgets what was refused. */
  clear(): void {
    this.#about = null;
    this.stop();
  }

  /** Ends the wait. */
  stop(): void {
    clearTimeout(this.#timer);
  }
}

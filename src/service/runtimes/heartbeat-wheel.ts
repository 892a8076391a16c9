/** What is to beat. */
export interface Beating {
  /** When it is due, in the time of performance.now(); whoever sends something else meanwhile moves it on. */
  beatAtMs: number;
  /** Where the wheel keeps it. */
  slot: number;
}

const SLOTS = 64;
const MIN_TICK_MS = 20;

/**
 * One timer for the heartbeats of all streams. A member is looked at once in a period and not moved by what is sent meanwhile: when
 * its turn comes and it is not yet due, it goes to the slot in which it is.
 */
export class HeartbeatWheel<T extends Beating> implements Disposable {
  readonly #slots: Set<T>[] = Array.from({ length: SLOTS + 1 }, () => new Set());
  readonly #tickMs: number;
  #timer: NodeJS.Timeout | null = null;
  #now = 0;
  #size = 0;

  /** @param beat is given all that are due; each is added again by whoever beats it */
  constructor(
    readonly periodMs: number,
    private readonly beat: (due: ReadonlySet<T>) => void,
  ) {
    this.#tickMs = Math.max(periodMs / SLOTS, MIN_TICK_MS);
  }

  /** Puts a member where it is due. */
  add(member: T): void {
    const ticks = Math.ceil((member.beatAtMs - performance.now()) / this.#tickMs);
    member.slot = (this.#now + Math.min(Math.max(ticks, 1), SLOTS)) % this.#slots.length;
    this.#slots[member.slot]?.add(member);
    this.#size += 1;
    this.#timer ??= setInterval(() => this.#tick(), this.#tickMs);
  }

  delete(member: T): void {
    if (this.#slots[member.slot]?.delete(member) === true) this.#size -= 1;
    if (this.#size === 0) this[Symbol.dispose]();
  }

  [Symbol.dispose](): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }

  #tick(): void {
    this.#now = (this.#now + 1) % this.#slots.length;
    const looked = this.#slots[this.#now];
    if (looked === undefined || looked.size === 0) return;
    this.#slots[this.#now] = new Set();
    this.#size -= looked.size;
    const now = performance.now();
    const due = new Set<T>();
    for (const member of looked) {
      if (member.beatAtMs <= now) due.add(member);
      else this.add(member);
    }
    if (due.size > 0) this.beat(due);
  }
}

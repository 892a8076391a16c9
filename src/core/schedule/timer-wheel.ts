/** A member of a TimerWheel. */
export interface Timed {
  /** When it is due, in the time of performance.now(). May be moved on while it is in a wheel; not forward. */
  dueAtMs: number;
  /** The wheel's own. */
  slot: number;
}

const SLOTS = 64;
const MIN_TICK_MS = 5;

/**
 * One timer for many members, each of which is due about once in a period: to a 64th of it, or 5 ms. A member that is moved on stays in
 * its slot: when the turn of that comes, it goes to the slot in which it is due.
 */
export class TimerWheel<T extends Timed> implements Disposable {
  readonly #slots: Set<T>[] = Array.from({ length: SLOTS + 1 }, () => new Set());
  readonly #tickMs: number;
  #timer: NodeJS.Timeout | null = null;
  #now = 0;
  #size = 0;

  /** @param onDue is given all that are due, and adds those again that are to be due again */
  constructor(
    readonly periodMs: number,
    private readonly onDue: (due: ReadonlySet<T>) => void,
  ) {
    this.#tickMs = Math.max(periodMs / SLOTS, MIN_TICK_MS);
  }

  /** Puts a member into the slot in which it is due. */
  add(member: T): void {
    const ticks = Math.ceil((member.dueAtMs - performance.now()) / this.#tickMs);
    member.slot = (this.#now + Math.min(Math.max(ticks, 1), SLOTS)) % this.#slots.length;
    this.#slots[member.slot]?.add(member);
    this.#size += 1;
    this.#timer ??= setInterval(() => this.#tick(), this.#tickMs).unref();
  }

  /** Takes a member out. Nothing when it is not in the wheel. */
  delete(member: T): void {
    if (this.#slots[member.slot]?.delete(member) === true) this.#size -= 1;
    if (this.#size === 0) this[Symbol.dispose]();
  }

  /** Stops the timer until a member is added. */
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
      if (member.dueAtMs <= now) due.add(member);
      else this.add(member);
    }
    if (due.size > 0) this.onDue(due);
  }
}

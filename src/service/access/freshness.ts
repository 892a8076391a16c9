import { addSeconds, instantOf, type Clock, type Instant } from "../../core/clock.js";

/** With less silence than this, what is in memory counts as current: another node's change is heard of sooner. In milliseconds. */
const CURRENT_MS = 2_000;

/** For so long runtimes are served from memory while the database is away. In milliseconds. */
const SERVED_MS = 300_000;

/** A moment as runtimes are told of it. */
export interface Moment {
  readonly at: Instant;
  /** When what is served was known to be current; null for now. */
  readonly currentAt: Instant | null;
}

/** Whether what this process has in memory is as the database has it. */
export class Freshness {
  /** @param silenceMs for how long nothing was heard of the database, in milliseconds; 0 where no other process changes it */
  constructor(
    private readonly silenceMs: () => number,
    private readonly clock: Clock,
  ) {}

  /** Whether nothing that another node did can have been missed for longer than 2 seconds. */
  get isCurrent(): boolean {
    return this.silenceMs() <= CURRENT_MS;
  }

  /** Whether runtimes may be served from memory: it is current, or the database has not been away for longer than 5 minutes. */
  get isServable(): boolean {
    return this.silenceMs() <= SERVED_MS;
  }

  /** Since when what is in memory may be old, in whole seconds (RFC 9111, Age); 0 while it is current. */
  get ageSeconds(): number {
    const silenceMs = this.silenceMs();
    return silenceMs <= CURRENT_MS ? 0 : Math.floor(silenceMs / 1000);
  }

  /** Now. */
  moment(): Moment {
    const at = instantOf(this.clock.now());
    const age = this.ageSeconds;
    return { at, currentAt: age === 0 ? null : addSeconds(at, -age) };
  }
}

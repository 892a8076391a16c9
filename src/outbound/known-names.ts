import { LRUCache } from "lru-cache";
import { systemClock, type Clock } from "../core/clock.js";
import { limitCalls } from "./call-limit.js";

interface Known {
  readonly addresses: readonly string[];
  readonly atMs: number;
}

export interface KnownNamesOptions {
  /** All addresses of a host name; rejects when it has none. */
  readonly lookup: (host: string) => Promise<readonly string[]>;
  readonly clock?: Clock;
  /** How long a look-up of a known name is waited for. */
  readonly patienceMs?: number;
}

const MAX_NAMES = 10_000;
/** So long the last answer is taken without asking. */
const FRESH_MS = 30_000;
/** So long it is taken when the name servers do not answer in time. */
const STALE_MS = 60 * 60 * 1000;
const PATIENCE_MS = 1_000;
/** Unknown names that wait for their look-up. */
const MAX_LINE = 1_000;

/**
 * A resolver in which names whose servers do not answer delay no others. A look-up holds a thread for as long as those servers like,
 * and there are few: names that resolved lately have a line of their own, and their last addresses when that is slow. Whoever
 * connects checks the addresses, so an old answer opens nothing.
 */
export function rememberNames({ lookup, clock = systemClock, patienceMs }: KnownNamesOptions) {
  const known = new LRUCache<string, Known>({ max: MAX_NAMES });
  const ask = async (host: string): Promise<readonly string[]> => {
    try {
      const addresses = await lookup(host);
      known.set(host, { addresses, atMs: clock.monotonicMs() });
      return addresses;
    } catch (error) {
      known.delete(host);
      throw error;
    }
  };
  const ofKnown = limitCalls(1, ask);
  const ofOthers = limitCalls(1, ask, MAX_LINE);

  return {
    async resolve(host: string): Promise<readonly string[]> {
      const last = known.get(host);
      if (last === undefined) return await ofOthers(host);
      const ageMs = clock.monotonicMs() - last.atMs;
      if (ageMs < FRESH_MS) return last.addresses;
      const asked = ofKnown(host);
      return ageMs < STALE_MS ? await orAfter(asked, patienceMs ?? PATIENCE_MS, last.addresses) : await asked;
    },
  };
}

/** Settles as the work does; when that takes longer, with the fallback. */
async function orAfter<T>(work: Promise<T>, waitMs: number, fallback: T): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<T>((resolve) => {
    timer = setTimeout(() => resolve(fallback), waitMs);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

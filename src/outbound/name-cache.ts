import { LRUCache } from "lru-cache";
import { systemClock, type Clock } from "../core/clock.js";
import { Semaphore } from "../core/schedule/semaphore.js";
import { SingleFlight } from "../core/schedule/single-flight.js";
import { waitFor } from "../core/schedule/wait.js";

interface Known {
  readonly addresses: readonly string[];
  readonly atMs: number;
}

/** What names are looked up with. */
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
const MAX_WAITING = 1_000;

/**
 * A resolver in which names whose servers do not answer delay no others. A look-up holds a thread for as long as those servers like,
 * and there are few: names that resolved lately have a line of their own, and their last addresses when that is slow. Connecting
 * checks the addresses, so an old answer opens nothing.
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
  const ofKnown = oneAtATime(ask, Infinity);
  const ofOthers = oneAtATime(ask, MAX_WAITING);

  return {
    async resolve(host: string): Promise<readonly string[]> {
      const last = known.get(host);
      if (last === undefined) return await ofOthers(host);
      const ageMs = clock.monotonicMs() - last.atMs;
      if (ageMs < FRESH_MS) return last.addresses;
      const asked = ofKnown(host);
      const isInTime = ageMs >= STALE_MS || (await waitFor(asked, patienceMs ?? PATIENCE_MS));
      return isInTime ? await asked : last.addresses;
    },
  };
}

/**
 * Looks names up one after the other; callers with the same name share its look-up. With `maxWaiting` names waiting, the next is
 * refused as the name servers refuse: EAI_AGAIN.
 */
function oneAtATime<T>(ask: (host: string) => Promise<T>, maxWaiting: number): (host: string) => Promise<T> {
  const flights = new SingleFlight<string, T>();
  const mutex = new Semaphore(1);
  return (host) =>
    flights.run(host, async () => {
      if (mutex.waiting >= maxWaiting) throw Object.assign(new Error("too many wait"), { code: "EAI_AGAIN" });
      using _lease = await mutex.acquire();
      return await ask(host);
    });
}

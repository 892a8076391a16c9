import type { Logger } from "pino";
import { addSeconds, instantOf, type Clock } from "../core/clock.js";
import type { Reader } from "../store/store.js";
import { describeTrustEnd, TRUST_SOON_SECONDS } from "./diagnosis/trust-check.js";

/** Between two times that the log tells of the same. */
const QUIET_SECONDS = 86_400;

/** Lines at once, of roots and of releases each. */
const MAX_TOLD = 20;

/** Logs once a day which roots, and which active releases, have expired or expire within 30 days. */
export class TrustEndsLog {
  #quietUntil = "";

  constructor(
    private readonly deps: {
      readonly read: Pick<Reader, "trustEnds">;
      readonly clock: Clock;
      readonly log: Pick<Logger, "warn">;
    },
  ) {}

  /** Logs what there is to tell, unless it did so within a day. Rejects as the database does. */
  async tell(): Promise<void> {
    const { read, clock, log } = this.deps;
    const now = instantOf(clock.now());
    if (now < this.#quietUntil) return;
    for (const end of await read.trustEnds(addSeconds(now, TRUST_SOON_SECONDS), MAX_TOLD)) {
      const { orgId, projectId, environment, expiresAt } = end;
      log.warn(
        { orgId, projectId, environment, expiresAt },
        `${describeTrustEnd(end)} ${expiresAt <= now ? "expired" : "expires"} at ${expiresAt}`,
      );
      this.#quietUntil = addSeconds(now, QUIET_SECONDS);
    }
  }
}

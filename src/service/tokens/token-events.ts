import type { Actor } from "../../core/actor.js";
import { addSeconds, instantOf, type Clock } from "../../core/clock.js";
import { inSteps } from "../../core/schedule/in-steps.js";
import type { Token } from "../../core/token.js";
import type { Store } from "../../store/store.js";
import type { NewEvent, Outbox } from "../changes/outbox.js";

/** The days before the expiry of a token at which its organization is notified. */
const NOTICE_DAYS = [30, 7, 1] as const;
const DAY_SECONDS = 86_400;

/** Tokens in one write: they hold up the writes of all nodes, and an organization decides how many of its own expire. */
const NOTICES_PER_WRITE = 50;

/** An event about a token, without its secret. `actor` is null for events of the server itself. */
export function tokenEvent(
  type: "token.created" | "token.revoked" | "token.expiring",
  token: Token,
  actor: Actor | null,
): NewEvent {
  return {
    orgId: token.orgId,
    environmentId: null,
    type,
    data: {
      org_id: token.orgId,
      token_id: token.id,
      name: token.name,
      key_prefix: token.keyPrefix,
      key_type: token.keyType,
      project_id: token.projectId,
      environment_id: token.environmentId,
      expires_at: token.expiresAt,
      actor: actor?.prefix ?? null,
      performed_by: actor,
    },
  };
}

/**
 * Emits `token.expiring` 30, 7 and 1 days before the expiry of a token, once each. If several are due at once, for a shorter lifetime or
 * after downtime, only the last of them is emitted. Ends early when the signal aborts.
 */
export async function tellExpiringTokens(
  deps: { store: Store; clock: Clock; outbox: Outbox },
  signal?: AbortSignal,
): Promise<void> {
  const { store, clock, outbox } = deps;
  const now = instantOf(clock.now());
  for (const [index, days] of NOTICE_DAYS.entries()) {
    const nextDays = NOTICE_DAYS[index + 1];
    const from = nextDays === undefined ? now : addSeconds(now, nextDays * DAY_SECONDS);
    const until = addSeconds(now, days * DAY_SECONDS);
    await inSteps(async () => {
      const told = await store.write(async (tx) => {
        const expiring = await tx.tokensExpiring(from, until, days, NOTICES_PER_WRITE);
        for (const { orgId, id, expiresAt } of expiring) {
          await tx.putExpiryNotice(id, expiresAt, days);
          const token = await tx.token(orgId, id);
          if (token === null) continue;
          const event = tokenEvent("token.expiring", token, null);
          await outbox.emit(tx, { ...event, data: { ...event.data, days_left: days } });
        }
        return expiring.length;
      });
      if (told > 0) outbox.committed();
      return told === NOTICES_PER_WRITE;
    }, signal);
  }
}

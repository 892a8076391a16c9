import type { AllowList } from "../../outbound/allow-list.js";
import { createSystemResolver } from "../../outbound/check-target.js";
import type { RetrySchedule } from "../../outbound/retry-schedule.js";
import { createSender } from "../../outbound/send.js";
import { SharedWrites } from "../../service/changes/shared-writes.js";
import { CatchUp } from "../../service/webhooks/catch-up.js";
import { WebhookClaims } from "../../service/webhooks/webhook-claims.js";
import { WebhookDispatcher } from "../../service/webhooks/webhook-dispatcher.js";
import { WebhookOutcomes } from "../../service/webhooks/webhook-outcome.js";
import { WebhookSender } from "../../service/webhooks/webhook-sender.js";
import { Webhooks } from "../../service/webhooks/webhooks.js";
import type { AuditServices } from "./audit.js";
import type { ChangeServices } from "./changes.js";
import type { ServiceContext } from "./context.js";
import type { KeyServices } from "./keys.js";

/** The bytes of a webhook's answer that are kept. */
const MAX_KEPT_BYTES = 4096;

/** How deliveries are sent. */
export interface WebhookOptions {
  readonly allowList: AllowList;
  readonly schedule: RetrySchedule;
  /** For one try, from the name to the answer's body. */
  readonly timeoutMs: number;
  readonly userAgent: string;
  /** Told about a delivery that could not be handled. Must not throw. */
  readonly onError: (error: unknown) => void;
}

/** Webhooks and their deliveries. The dispatcher sends nothing before its `start`. */
export interface WebhookServices {
  readonly webhooks: Webhooks;
  readonly dispatcher: WebhookDispatcher;
  /** Tries of this process. */
  readonly counts: WebhookOutcomes["counts"];
}

/** Composes webhooks. Starts no delivery: the dispatcher does, on its `start`. */
export function composeWebhooks(
  { store, clock, observers, tracing, feed }: ServiceContext,
  { audit, outbox, signers }: AuditServices & ChangeServices & KeyServices,
  { allowList, schedule, timeoutMs, userAgent, onError }: WebhookOptions,
): WebhookServices {
  const resolver = createSystemResolver();
  const connections = createSender({ allowList, resolver, timeoutMs, userAgent, maxKeptBytes: MAX_KEPT_BYTES });
  const sender = new WebhookSender({ store, clock, allowList, resolver, signers, sender: connections });
  const writes = new SharedWrites(store);
  const outcomes = new WebhookOutcomes({ writes, clock, audit, outbox, schedule, observer: observers.deliveries });
  const catchUp = new CatchUp({ store, clock, writes });
  return {
    webhooks: new Webhooks({ store, clock, audit, outbox, sender }),
    dispatcher: new WebhookDispatcher({
      ...{ store, clock, outbox, sender, outcomes, catchUp, writes, tracing, onError },
      claims: new WebhookClaims({ store, clock, nodeId: feed?.nodeId ?? null }),
    }),
    counts: outcomes.counts,
  };
}

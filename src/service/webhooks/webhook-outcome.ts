import { instantOf, type Clock, type Instant } from "../../core/clock.js";
import type { Delivery, Webhook } from "../../core/webhook.js";
import type { Writer } from "../../store/store.js";
import type { RetrySchedule } from "../../outbound/retry-schedule.js";
import { nextAttemptAt } from "../../outbound/retry-schedule.js";
import type { SendResult } from "../../outbound/send.js";
import { describeUrl } from "../../outbound/webhook-url.js";
import type { Audit } from "../audit/audit.js";
import type { DeliveryObserver } from "../changes/observers.js";
import type { Outbox } from "../changes/outbox.js";
import type { Precedence, SharedWrites } from "../changes/shared-writes.js";

/** One attempt and how it went. */
export interface Outcome {
  readonly webhook: Webhook;
  readonly delivery: Delivery;
  readonly result: SendResult;
  /** Whether the circuit is open after it: then the webhook is live no more. */
  readonly isCircuitOpen: boolean;
}

/** Attempts since the process started. */
export interface TryCounts {
  delivered: number;
  failed: number;
}

/** An endpoint that fails for so long is switched off. */
const DISABLE_AFTER_MS = 5 * 24 * 60 * 60 * 1000;

/** Records attempts, successes first. */
export class WebhookOutcomes {
  readonly counts: TryCounts = { delivered: 0, failed: 0 };

  constructor(
    private readonly deps: {
      readonly writes: SharedWrites;
      readonly clock: Clock;
      readonly audit: Audit;
      readonly outbox: Outbox;
      readonly schedule: RetrySchedule;
      readonly observer: DeliveryObserver;
    },
  ) {}

  /** Resolves when the outcome is durable. */
  async record(outcome: Outcome): Promise<void> {
    const disabled = await this.deps.writes.run(precedenceOf(outcome), (tx) => this.#write(tx, outcome));
    this.#count(outcome);
    if (disabled) this.deps.outbox.committed();
  }

  #count({ delivery, result }: Outcome): void {
    const hasWorked = isDelivered(result);
    this.counts[hasWorked ? "delivered" : "failed"] += 1;
    const isLast = hasWorked || delivery.attempts + 1 >= this.deps.schedule.length;
    this.deps.observer.tried(hasWorked, isLast, result.latencyMs);
  }

  /** Returns whether the webhook was switched off. */
  async #write(tx: Writer, { webhook, delivery, result, isCircuitOpen }: Outcome): Promise<boolean> {
    const now = this.deps.clock.now();
    const at = instantOf(now);
    const current = await tx.webhook(webhook.orgId, webhook.id);
    const kept = await tx.delivery(webhook.id, delivery.id);
    if (current === null || kept === null) return false;
    const attempts = delivery.attempts + 1;
    const tried = { ...kept, attempts, lastAttemptAt: at, ...shown(result) };
    if (isDelivered(result)) {
      // Whoever else tried it meanwhile: it has arrived.
      if (kept.state !== "delivered") await tx.updateDelivery({ ...tried, state: "delivered", nextAttemptAt: null });
      if (current.failingSince !== null) await tx.updateWebhook({ ...current, failingSince: null });
      return false;
    }
    // Another node has tried it meanwhile, or it is to be sent again from its first attempt: what is recorded then stands.
    const isCurrent = kept.state === "pending" && kept.attempts === delivery.attempts;
    if (!isCurrent) return await this.#blame(tx, current, result, isCircuitOpen, at);
    const retryAfter = result.kind === "answered" ? result.retryAfterSeconds : null;
    const next = nextAttemptAt(this.deps.schedule, attempts, now, retryAfter, Math.random);
    const state = next === null ? "failed" : "pending";
    await tx.updateDelivery({ ...tried, state, nextAttemptAt: next === null ? null : instantOf(next) });
    return await this.#blame(tx, current, result, isCircuitOpen, at);
  }

  /** Notes that the endpoint fails; switches it off when it answered 410 Gone, or has failed for too long. */
  async #blame(
    tx: Writer,
    webhook: Webhook,
    result: SendResult,
    isCircuitOpen: boolean,
    at: Instant,
  ): Promise<boolean> {
    if (!webhook.isActive) return false;
    const failingSince = webhook.failingSince ?? at;
    const isGone = result.kind === "answered" && result.status === 410;
    const isTooLong = Date.parse(at) - Date.parse(failingSince) >= DISABLE_AFTER_MS;
    if (!isGone && !isTooLong) {
      const outboxCursor = webhook.outboxCursor ?? (isCircuitOpen ? await tx.lastFannedOut() : null);
      if (webhook.failingSince === null || outboxCursor !== webhook.outboxCursor) {
        await tx.updateWebhook({ ...webhook, failingSince, outboxCursor });
      }
      return false;
    }
    // When it is switched on again it continues from here.
    const outboxCursor = webhook.outboxCursor ?? (await tx.lastFannedOut());
    const disabledReason = isGone ? "the endpoint answered 410 Gone" : `every try has failed since ${failingSince}`;
    await tx.updateWebhook({ ...webhook, failingSince, outboxCursor, isActive: false, disabledReason });
    const url = describeUrl(webhook.url);
    await this.deps.audit.record(tx, webhook.orgId, "system", {
      action: "webhook.disabled",
      resourceType: "webhook",
      resourceId: webhook.id,
      metadata: { url, reason: disabledReason },
    });
    await this.deps.outbox.emit(tx, {
      orgId: webhook.orgId,
      environmentId: null,
      type: "webhook.disabled",
      data: { org_id: webhook.orgId, webhook_id: webhook.id, url, reason: disabledReason },
    });
    return true;
  }
}

function precedenceOf({ result, isCircuitOpen }: Outcome): Precedence {
  if (isDelivered(result)) return "first";
  return isCircuitOpen ? "last" : "later";
}

/** 2xx. A redirect is a failure: where it leads was not checked. */
export function isDelivered(result: SendResult): boolean {
  return result.kind === "answered" && result.status >= 200 && result.status < 300;
}

function shown(result: SendResult): Pick<Delivery, "lastStatus" | "lastLatencyMs" | "lastError" | "lastBody"> {
  const lastLatencyMs = Math.round(result.latencyMs);
  return result.kind === "answered"
    ? { lastStatus: result.status, lastLatencyMs, lastError: null, lastBody: result.body }
    : { lastStatus: null, lastLatencyMs, lastError: result.error, lastBody: null };
}

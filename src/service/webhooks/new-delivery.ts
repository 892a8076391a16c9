import type { Instant } from "../../core/clock.js";
import type { Delivery, OutboxEvent, Webhook } from "../../core/webhook.js";
import { newRowId } from "../changes/row-id.js";

/** A delivery that was never tried and is due now. */
export function newDelivery(webhook: Webhook, event: OutboxEvent, now: Instant): Delivery {
  return {
    id: newRowId(),
    webhookId: webhook.id,
    eventNumber: event.number,
    eventId: event.id,
    eventType: event.type,
    environmentId: event.environmentId,
    state: "pending",
    attempts: 0,
    nextAttemptAt: now,
    lastAttemptAt: null,
    lastStatus: null,
    lastLatencyMs: null,
    lastError: null,
    lastBody: null,
    createdAt: now,
  };
}

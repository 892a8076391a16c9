import type { Instant } from "../../core/clock.js";
import type { EventHeader } from "../../store/webhook-store.js";
import type { Delivery, Webhook } from "../../core/webhook.js";
import { newRowId } from "../changes/row-id.js";

/** A delivery that was never attempted and is due now. */
export function newDelivery(webhook: Webhook, event: EventHeader, now: Instant): Delivery {
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

import type { Instant } from "./clock.js";
import type { TraceContext } from "./trace.js";

/** All event types that a webhook can have. */
export const EVENT_TYPES = [
  "bundle.published",
  "bundle.activated",
  "bundle.promoted",
  "bundle.imported",
  "bundle.deleted",
  "bundle.pruned",
  "environment.held",
  "environment.released",
  "environment.history_lost",
  "pipeline.promoted",
  "artifact.promoted",
  "token.created",
  "token.revoked",
  "token.expiring",
  "trust.root_published",
  "webhook.disabled",
  "webhook.test",
] as const;

/** One of {@link EVENT_TYPES}. */
export type EventType = (typeof EVENT_TYPES)[number];

/** A URL to which an organization's events are sent. */
export interface Webhook {
  readonly id: string;
  readonly orgId: string;
  /** May contain secrets: never logged, never in the audit log. */
  readonly url: string;
  /** Event types, with `bundle.*` and `*` as wildcards. */
  readonly events: readonly string[];
  readonly isActive: boolean;
  /** Null if it was created without one. */
  readonly secret: string | null;
  /** The secret before the last rotation, during its grace. */
  readonly previousSecret: string | null;
  readonly previousSecretExpiresAt: Instant | null;
  /** Why the server disabled it. */
  readonly disabledReason: string | null;
  /** Since when every attempt has failed. */
  readonly failingSince: Instant | null;
  /**
   * While it is catching up: it has no deliveries yet for events after the one with this number. Null while it is live: each event
   * makes its delivery at once.
   */
  readonly outboxCursor: number | null;
  readonly createdAt: Instant;
}

/** An event that was committed with its cause and is to be sent to webhooks: a row of the outbox. */
export interface OutboxEvent {
  /** Counts up in the order of commits; the order in which an environment's events are sent. */
  readonly number: number;
  /** What every attempt carries as `webhook-id`. */
  readonly id: string;
  readonly orgId: string;
  /** Events of one environment are sent in order; null has no order. */
  readonly environmentId: string | null;
  readonly type: string;
  /** The body: `{type, timestamp, data}` as JSON text. */
  readonly body: string;
  readonly createdAt: Instant;
  /** The trace that caused it; null without one. */
  readonly trace: TraceContext | null;
}

/**
 * How a webhook gets its events: each at once (`live`), those that wait one after another (`catching_up`), one try at a time since it
 * has failed too often (`circuit_open`), or not at all (`off`).
 */
export type WebhookFlow = "live" | "catching_up" | "circuit_open" | "off";

/** The flow of a webhook, as the database tells it: what a process goes by when it starts (service/webhooks/webhook-worker.ts). */
export function webhookFlow({
  isActive,
  outboxCursor,
  failingSince,
}: Pick<Webhook, "isActive" | "outboxCursor" | "failingSince">): WebhookFlow {
  if (!isActive) return "off";
  if (outboxCursor === null) return "live";
  return failingSince === null ? "catching_up" : "circuit_open";
}

/** Which deliveries of a webhook are listed: those that match all of what is set. */
export interface DeliveryFilter {
  readonly state?: DeliveryState;
  readonly eventType?: string;
}

/** `failed`: no attempt is left. */
export type DeliveryState = "pending" | "delivered" | "failed";

/** One event on its way to one webhook. */
export interface Delivery {
  readonly id: string;
  readonly webhookId: string;
  readonly eventNumber: number;
  readonly eventId: string;
  readonly eventType: string;
  readonly environmentId: string | null;
  readonly state: DeliveryState;
  readonly attempts: number;
  /** Null unless it is pending. */
  readonly nextAttemptAt: Instant | null;
  readonly lastAttemptAt: Instant | null;
  readonly lastStatus: number | null;
  readonly lastLatencyMs: number | null;
  readonly lastError: string | null;
  /** Up to 4 KiB of the last answer, only where the address is public. */
  readonly lastBody: string | null;
  readonly createdAt: Instant;
}

/** Counts of the deliveries that are kept. */
export interface DeliveryCounts {
  readonly delivered: number;
  readonly failed: number;
  readonly pending: number;
  /** When the oldest pending one was created; null without one. */
  readonly oldestPendingAt: Instant | null;
}

/** What is waiting for active webhooks. */
export interface WebhookBacklog {
  /** Pending deliveries, counted among the 10,000 oldest. */
  readonly pending: number;
  /** When the oldest of them, or the oldest event that was not fanned out yet, was made; null when nothing waits. */
  readonly oldestAt: Instant | null;
}

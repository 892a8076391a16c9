import type { Instant } from "../core/clock.js";
import type {
  Delivery,
  DeliveryCounts,
  DeliveryFilter,
  OutboxEvent,
  Webhook,
  WebhookBacklog,
} from "../core/webhook.js";
import type { Listed, Page } from "./page.js";

/** The next attempt of a delivery that failed before. */
export interface NextRetry {
  readonly at: Instant;
  readonly lastAttemptAt: Instant | null;
}

/** An event without its body. */
export type EventHeader = Omit<OutboxEvent, "body" | "trace">;

/** Reads of webhooks, their outbox and their deliveries. Look-ups answer null for what is not there. */
export interface WebhookReader {
  webhook(orgId: string, id: string): Promise<Webhook | null>;
  /** Newest first. */
  webhooks(orgId: string, page: Page): Promise<Listed<Webhook>>;
  countWebhooks(orgId: string): Promise<number>;
  /** Of all organizations. */
  activeWebhooks(): Promise<readonly Webhook[]>;
  /** Active ones without an outbox cursor. */
  liveWebhooks(orgId: string): Promise<readonly Webhook[]>;
  /** Active ones with an outbox cursor. */
  webhooksCatchingUp(orgId: string): Promise<readonly Webhook[]>;

  /** Events that were not fanned out yet, in order. */
  eventsToFanOut(limit: number): Promise<readonly OutboxEvent[]>;
  /** The number of the newest event whose deliveries were made; 0 when there is none. */
  lastFannedOut(): Promise<number>;
  /** The number of the newest event; 0 when there is none. */
  lastEvent(): Promise<number>;
  event(number: number): Promise<OutboxEvent | null>;
  /** For a webhook that is catching up: events of these types above a number that were fanned out, in order. */
  eventsAfter(
    orgId: string,
    afterNumber: number,
    types: readonly string[],
    limit: number,
  ): Promise<readonly OutboxEvent[]>;
  /** Events of an organization of all types above a number that were fanned out, in order, without their bodies. */
  eventHeadersAfter(orgId: string, afterNumber: number, limit: number): Promise<readonly EventHeader[]>;
  /** Events of all organizations above a number that were fanned out, in order. */
  eventHeadersFannedOut(
    afterNumber: number,
    limit: number,
  ): Promise<readonly Pick<OutboxEvent, "number" | "orgId" | "type">[]>;

  delivery(webhookId: string, id: string): Promise<Delivery | null>;
  /** Newest event first. */
  deliveries(webhookId: string, page: Page, filter?: DeliveryFilter): Promise<Listed<Delivery>>;
  /** Pending deliveries that were never attempted, in the order of their events. */
  firstAttempts(webhookId: string, limit: number): Promise<readonly Delivery[]>;
  /** Those of the webhooks that have at least so many pending deliveries that were never attempted. */
  webhooksWithFirstAttempts(ids: readonly string[], atLeast: number): Promise<ReadonlySet<string>>;
  /** Pending deliveries whose next attempt is due, longest due first. */
  dueRetries(webhookId: string, now: Instant, limit: number): Promise<readonly Delivery[]>;
  /** The next retry of a webhook that is due; null when none waits. */
  nextRetry(webhookId: string): Promise<NextRetry | null>;
  /** Of all organizations: how many wait, and since when the oldest does. For a monitor: cheap however many are kept. */
  pendingDeliveries(): Promise<Pick<DeliveryCounts, "pending" | "oldestPendingAt">>;
  /** Of one organization; of each state up to 100,000, and the oldest of those that wait among them. */
  deliveryCounts(orgId: string): Promise<DeliveryCounts>;
  /** Of all organizations; bounded, so that it may be asked often. */
  webhookBacklog(): Promise<WebhookBacklog>;

  /** Tokens that expire in a span and have no notice yet for that many days; the first to expire of them, at most `limit` (default: all). */
  tokensExpiring(
    from: Instant,
    until: Instant,
    daysBefore: number,
    limit?: number,
  ): Promise<readonly { orgId: string; id: number; expiresAt: Instant }[]>;
}

/** Writes of webhooks, their outbox and their deliveries. */
export interface WebhookWriter extends WebhookReader {
  insertWebhook(webhook: Webhook): Promise<void>;
  updateWebhook(webhook: Webhook): Promise<void>;
  /** Sets the outbox cursor of webhooks that were live: after the event with this number. */
  fallBehind(ids: readonly string[], after: number): Promise<void>;
  /** Marks it as deleted, and forgets its secrets: no look-up finds it. `removeDeleted` deletes its rows. */
  deleteWebhook(id: string, at: Instant): Promise<void>;

  /** Gives the event its number. */
  insertEvent(event: Omit<OutboxEvent, "number">): Promise<void>;
  /** Marks events as fanned out; returns the numbers of those that were not yet. */
  markFannedOut(numbers: readonly number[]): Promise<ReadonlySet<number>>;
  /** A delivery of an event that the webhook has one of already is left as it is. */
  insertDeliveries(deliveries: readonly Delivery[]): Promise<void>;
  updateDelivery(delivery: Delivery): Promise<void>;
  /** Inserts a delivery to a webhook; one of the same event that is there already gets its state and attempts, and starts again. */
  putDelivery(delivery: Delivery, webhook: Pick<Webhook, "id" | "orgId">): Promise<void>;
  /**
   * Deletes up to `limit` events from before an instant that no pending delivery waits for, the oldest first, with their deliveries:
   * these count as well, and go first. Returns how many rows; 0 when none is left.
   */
  deleteDeliveries(before: Instant, limit: number): Promise<number>;
  /** Remembers the notice of a token's expiry, so that it is sent once. */
  putExpiryNotice(tokenId: number, expiresAt: Instant, daysBefore: number): Promise<void>;
}

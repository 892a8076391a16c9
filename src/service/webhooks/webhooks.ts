import { randomUUID } from "node:crypto";
import { addSeconds, instantOf, type Clock, type Instant } from "../../core/clock.js";
import { AppError, notFound } from "../../core/error.js";
import type { Principal } from "../../core/token.js";
import type { Delivery, DeliveryCounts, DeliveryFilter, Webhook } from "../../core/webhook.js";
import type { Listed } from "../../store/page.js";
import type { Reader, Store, Writer } from "../../store/store.js";
import { matchesEvent, validateEventPatterns } from "../../outbound/event-types.js";
import { checkWebhookSecret, createWebhookSecret, secretFingerprint } from "../../outbound/secret.js";
import { describeUrl } from "../../outbound/webhook-url.js";
import type { Audit } from "../audit/audit.js";
import { inSteps } from "../../core/schedule/in-steps.js";
import type { EventHeader } from "../../store/webhook-store.js";
import { newDelivery } from "./new-delivery.js";
import type { Outbox } from "../changes/outbox.js";
import { backlogEvents } from "./backlog.js";
import type { WebhookSender, WebhookTestResult } from "./webhook-sender.js";

const MAX_WEBHOOKS = 1_000;
/** Events that one read counts, and that one transaction makes deliveries of. */
const COUNTED_PER_STEP = 1_000;
const REPLAYED_PER_STEP = 200;

/** A new webhook as its caller asks for it. */
export interface WebhookInput {
  readonly url: string;
  readonly events: readonly string[];
  readonly generateSecret: boolean;
  /** A secret that the caller made, instead of a new one. */
  readonly givenSecret?: string | null;
}

/** Absent fields stay as they are. */
export interface WebhookChange {
  readonly url?: string;
  readonly events?: readonly string[];
  readonly isActive?: boolean;
}

/** Names a webhook's secret without telling it; null without one. */
export function fingerprintOf({ secret }: Webhook): string | null {
  return secret === null ? null : secretFingerprint(secret);
}

/** Makes, changes and replays webhooks. */
export class Webhooks {
  constructor(
    private readonly deps: {
      readonly store: Store;
      readonly clock: Clock;
      readonly audit: Audit;
      readonly outbox: Outbox;
      readonly sender: WebhookSender;
    },
  ) {}

  /** Throws `malformed` (400) for an address that may not be called, `invalid` for empty or unknown events. */
  async create(caller: Principal, input: WebhookInput): Promise<Webhook> {
    const { store, audit, outbox, sender } = this.deps;
    validateEventPatterns(input.events);
    const { givenSecret = null } = input;
    if (givenSecret !== null) checkWebhookSecret(givenSecret, "given_secret");
    await sender.check(input.url, caller.orgId);
    const webhook: Webhook = {
      id: randomUUID(),
      orgId: caller.orgId,
      url: input.url,
      events: [...new Set(input.events)],
      isActive: true,
      secret: givenSecret ?? (input.generateSecret ? createWebhookSecret() : null),
      previousSecret: null,
      previousSecretExpiresAt: null,
      disabledReason: null,
      failingSince: null,
      outboxCursor: null,
      createdAt: this.#now(),
    };
    await store.write(async (tx) => {
      if ((await tx.countWebhooks(caller.orgId)) >= MAX_WEBHOOKS) {
        throw new AppError("quota_exceeded", `an organization has at most ${MAX_WEBHOOKS} webhooks`);
      }
      // Not proven yet: it catches up first.
      await tx.insertWebhook({ ...webhook, outboxCursor: await tx.lastEvent() });
      await audit.record(tx, caller.orgId, caller, {
        action: "webhook.created",
        resourceType: "webhook",
        resourceId: webhook.id,
        metadata: { url: describeUrl(webhook.url), events: webhook.events, has_secret: webhook.secret !== null },
      });
    });
    outbox.changed(webhook);
    return webhook;
  }

  async list(caller: Principal, limit: number | undefined, offset: number): Promise<Listed<Webhook>> {
    return await this.deps.store.read.webhooks(caller.orgId, { limit: limit ?? 1000, offset });
  }

  /**
   * What became of the organization's deliveries, and for how many seconds the oldest pending one waits. Pending is also what webhooks
   * that are behind have not come to.
   */
  async stats(caller: Principal): Promise<DeliveryCounts & { readonly oldestPendingSeconds: number }> {
    const { read } = this.deps.store;
    const made = await read.deliveryCounts(caller.orgId);
    const unmade = await backlogEvents(read, caller.orgId);
    const counts = { ...made, pending: made.pending + unmade.count };
    const oldestPendingAt = [made.oldestPendingAt, unmade.oldestAt].filter((it) => it !== null).sort()[0] ?? null;
    const ageMs = oldestPendingAt === null ? 0 : this.deps.clock.now().getTime() - Date.parse(oldestPendingAt);
    return { ...counts, oldestPendingAt, oldestPendingSeconds: Math.max(0, Math.floor(ageMs / 1000)) };
  }

  async get(caller: Principal, id: string): Promise<Webhook> {
    return await ownWebhook(this.deps.store.read, caller, id);
  }

  async update(caller: Principal, id: string, change: WebhookChange): Promise<Webhook> {
    const { store, audit, outbox, sender } = this.deps;
    if (change.events !== undefined) validateEventPatterns(change.events);
    await ownWebhook(store.read, caller, id);
    if (change.url !== undefined) await sender.check(change.url, caller.orgId);
    const updated = await store.write(async (tx) => {
      const webhook = await ownWebhook(tx, caller, id);
      const isActive = change.isActive ?? webhook.isActive;
      const isRevived = isActive && !webhook.isActive;
      const changed: Webhook = {
        ...webhook,
        url: change.url ?? webhook.url,
        events: change.events === undefined ? webhook.events : [...new Set(change.events)],
        isActive,
        // When it is switched on again it continues from here.
        outboxCursor: webhook.outboxCursor ?? (isActive ? null : await tx.lastFannedOut()),
        disabledReason: isActive ? null : webhook.disabledReason,
        failingSince: isRevived || change.url !== undefined ? null : webhook.failingSince,
      };
      await tx.updateWebhook(changed);
      await audit.record(tx, caller.orgId, caller, {
        action: "webhook.updated",
        resourceType: "webhook",
        resourceId: id,
        metadata: {
          fields: Object.keys(change),
          url: describeUrl(changed.url),
          events: changed.events,
          is_active: changed.isActive,
        },
      });
      return changed;
    });
    outbox.changed(updated);
    return updated;
  }

  async delete(caller: Principal, id: string): Promise<void> {
    const { store, audit, outbox } = this.deps;
    await store.write(async (tx) => {
      const webhook = await ownWebhook(tx, caller, id);
      await tx.deleteWebhook(id, this.#now());
      await audit.record(tx, caller.orgId, caller, {
        action: "webhook.deleted",
        resourceType: "webhook",
        resourceId: id,
        metadata: { url: describeUrl(webhook.url) },
      });
    });
    outbox.changed({ id, orgId: caller.orgId });
  }

  /** Returns the new secret, which is the given one when there is one; the old one signs too for the grace time. */
  async rotateSecret(
    caller: Principal,
    id: string,
    graceSeconds: number,
    givenSecret: string | null = null,
  ): Promise<string> {
    if (givenSecret !== null) checkWebhookSecret(givenSecret, "given_secret");
    const { store, audit } = this.deps;
    const secret = givenSecret ?? createWebhookSecret();
    await store.write(async (tx) => {
      const webhook = await ownWebhook(tx, caller, id);
      const keepsOld = graceSeconds > 0 && webhook.secret !== null;
      await tx.updateWebhook({
        ...webhook,
        secret,
        previousSecret: keepsOld ? webhook.secret : null,
        previousSecretExpiresAt: keepsOld ? addSeconds(this.#now(), graceSeconds) : null,
      });
      await audit.record(tx, caller.orgId, caller, {
        action: "webhook.secret_rotated",
        resourceType: "webhook",
        resourceId: id,
        metadata: { url: describeUrl(webhook.url), grace_seconds: graceSeconds },
      });
    });
    return secret;
  }

  /** Sends a `webhook.test` event at once, also to one that is switched off. */
  async test(caller: Principal, id: string, signal: AbortSignal): Promise<WebhookTestResult> {
    const webhook = await ownWebhook(this.deps.store.read, caller, id);
    return await this.deps.sender.test(webhook, signal);
  }

  async deliveries(
    caller: Principal,
    id: string,
    limit: number | undefined,
    offset: number,
    filter: DeliveryFilter = {},
  ): Promise<Listed<Delivery> & { limit: number }> {
    const page = { limit: limit ?? 25, offset };
    const { read } = this.deps.store;
    await ownWebhook(read, caller, id);
    return { ...(await read.deliveries(id, page, filter)), limit: page.limit };
  }

  /** One delivery, with the body of its event. Throws `not_found`. */
  async delivery(caller: Principal, id: string, deliveryId: string): Promise<Delivery & { readonly body: string }> {
    const { read } = this.deps.store;
    await ownWebhook(read, caller, id);
    const delivery = await read.delivery(id, deliveryId);
    const event = delivery === null ? null : await read.event(delivery.eventNumber);
    if (delivery === null || event === null) throw notFound("delivery", deliveryId);
    return { ...delivery, body: event.body };
  }

  /** Sends one delivery again, from its first try. */
  async replay(caller: Principal, id: string, deliveryId: string): Promise<Delivery> {
    const { store, outbox } = this.deps;
    const replayed = await store.write(async (tx) => {
      const webhook = await ownWebhook(tx, caller, id);
      const delivery = await tx.delivery(id, deliveryId);
      if (delivery === null) throw notFound("delivery", deliveryId);
      const again: Delivery = { ...delivery, state: "pending", attempts: 0, nextAttemptAt: this.#now() };
      await tx.putDelivery(again, webhook);
      await this.#recordReplay(tx, caller, id, { event_id: delivery.eventId });
      return again;
    });
    outbox.changed({ id, orgId: caller.orgId });
    return replayed;
  }

  /**
   * Sends again every event since an instant that the webhook is for; returns how many. The audit event comes first; then deliveries are
   * made in steps. After a failure in between, another call sends those again that were made, and the others.
   */
  async replaySince(caller: Principal, id: string, since: Instant): Promise<number> {
    const { store, outbox } = this.deps;
    const { events } = await ownWebhook(store.read, caller, id);
    const isWanted = ({ type, createdAt }: EventHeader) => createdAt >= since && matchesEvent(events, type);
    let [count, last] = [0, 0];
    await inSteps(async () => {
      const page = await store.read.eventHeadersAfter(caller.orgId, last, COUNTED_PER_STEP);
      count += page.filter(isWanted).length;
      last = page.at(-1)?.number ?? last;
      return page.length === COUNTED_PER_STEP;
    });
    await store.write(async (tx) => {
      await ownWebhook(tx, caller, id);
      await this.#recordReplay(tx, caller, id, { since, count });
    });
    let after = 0;
    await inSteps(async () => {
      const page = await store.write(async (tx) => {
        const webhook = await ownWebhook(tx, caller, id);
        const headers = await tx.eventHeadersAfter(caller.orgId, after, REPLAYED_PER_STEP);
        const until = headers.filter(({ number }) => number <= last);
        for (const event of until.filter(isWanted)) {
          await tx.putDelivery(newDelivery(webhook, event, this.#now()), webhook);
        }
        return until;
      });
      after = page.at(-1)?.number ?? last;
      return page.length === REPLAYED_PER_STEP;
    });
    outbox.changed({ id, orgId: caller.orgId });
    return count;
  }

  async #recordReplay(
    tx: Writer,
    caller: Principal,
    id: string,
    metadata: Readonly<Record<string, string | number>>,
  ): Promise<void> {
    await this.deps.audit.record(tx, caller.orgId, caller, {
      action: "webhook.replayed",
      resourceType: "webhook",
      resourceId: id,
      metadata,
    });
  }

  #now(): Instant {
    return instantOf(this.deps.clock.now());
  }
}

async function ownWebhook(reader: Reader, caller: Principal, id: string): Promise<Webhook> {
  const webhook = await reader.webhook(caller.orgId, id);
  if (webhook === null) throw notFound("webhook", id);
  return webhook;
}

import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { EmptySchema } from "@bufbuild/protobuf/wkt";
import type { ServiceImpl } from "@connectrpc/connect";
import type { WebhookDeliverySchema, WebhookSchema, WebhookService } from "../../../gen/signet/v1/webhook_pb.js";
import { invalidField } from "../../core/error.js";
import { webhookFlow, type Delivery, type DeliveryState, type Webhook } from "../../core/webhook.js";
import { fingerprintOf, type WebhookChange, type Webhooks } from "../../service/webhooks/webhooks.js";
import { callOf } from "../admission/call.js";
import {
  countedRows,
  instantOfTimestamp,
  optionalTimestamp,
  timestampOf,
  withoutNulls,
  withoutUnset,
} from "./message-fields.js";

const DEFAULT_GRACE_SECONDS = 24 * 60 * 60;

/** WebhookService on the use cases. */
export function createWebhookService(services: { readonly webhooks: Webhooks }): ServiceImpl<typeof WebhookService> {
  const { webhooks } = services;
  return {
    async createWebhook({ url, events, generateSecret, givenSecret }, context) {
      const input = { url, events, generateSecret: generateSecret ?? true, givenSecret: givenSecret ?? null };
      const webhook = await webhooks.create(callOf(context).principal, input);
      const secret = givenSecret === undefined ? webhook.secret : null;
      return { ...webhookMessage(webhook), ...withoutNulls({ secret }) };
    },

    async listWebhooks({ limit, offset }, context) {
      const listed = await webhooks.list(callOf(context).principal, limit, offset);
      return { webhooks: countedRows(context, listed).map(webhookMessage) };
    },

    async getWebhookStats(_request, context) {
      const { delivered, failed, pending, oldestPendingSeconds } = await webhooks.stats(callOf(context).principal);
      return { delivered, failed, pending, oldestPendingSeconds };
    },

    async getWebhook({ webhookId }, context) {
      return webhookMessage(await webhooks.get(callOf(context).principal, webhookId));
    },

    async updateWebhook({ webhookId, url, events, isActive, updateMask }, context) {
      // A list cannot tell empty from absent; the mask can.
      const changesEvents = updateMask === undefined ? events.length > 0 : updateMask.paths.includes("events");
      const change: WebhookChange = { ...withoutUnset({ url, isActive }), ...(changesEvents ? { events } : {}) };
      return webhookMessage(await webhooks.update(callOf(context).principal, webhookId, change));
    },

    async deleteWebhook({ webhookId }, context) {
      await webhooks.delete(callOf(context).principal, webhookId);
      return create(EmptySchema);
    },

    async rotateWebhookSecret({ webhookId, graceSeconds, givenSecret }, context) {
      const grace = graceSeconds ?? DEFAULT_GRACE_SECONDS;
      const secret = await webhooks.rotateSecret(callOf(context).principal, webhookId, grace, givenSecret);
      return { secret: givenSecret === undefined ? secret : "" };
    },

    async testWebhook({ webhookId }, context) {
      const result = await webhooks.test(callOf(context).principal, webhookId, context.signal);
      const { delivered, latencyMs, status, error } = result;
      return { delivered, latencyMs: Math.round(latencyMs), ...withoutNulls({ status, error }) };
    },

    async listWebhookDeliveries({ webhookId, limit, offset, state, eventType }, context) {
      const listed = await webhooks.deliveries(
        callOf(context).principal,
        webhookId,
        limit,
        offset,
        // The guard let pass no other text: the rules of the field.
        withoutUnset({ state: state as DeliveryState | undefined, eventType }),
      );
      return { data: listed.rows.map(deliveryMessage), total: listed.total, limit: listed.limit, offset };
    },

    async getWebhookDelivery({ webhookId, deliveryId }, context) {
      const delivery = await webhooks.delivery(callOf(context).principal, webhookId, deliveryId);
      return { ...deliveryMessage(delivery), body: delivery.body };
    },

    async replayWebhookDelivery({ webhookId, deliveryId }, context) {
      return deliveryMessage(await webhooks.replay(callOf(context).principal, webhookId, deliveryId));
    },

    async replayWebhookEvents({ webhookId, since }, context) {
      if (since === undefined) throw invalidField(["since"], "is required", "missing");
      const { principal } = callOf(context);
      return { replayed: await webhooks.replaySince(principal, webhookId, instantOfTimestamp(since)) };
    },
  };
}

/** Without its secret. */
function webhookMessage(webhook: Webhook): MessageInitShape<typeof WebhookSchema> {
  const { id, orgId, url, events, isActive, createdAt, secret, disabledReason, failingSince } = webhook;
  return {
    ...{ id, orgId, url, events: [...events], isActive, createdAt: timestampOf(createdAt) },
    ...{ hasSecret: secret !== null, flow: webhookFlow(webhook) },
    ...withoutNulls({ disabledReason, secretFingerprint: fingerprintOf(webhook) }),
    ...optionalTimestamp("failingSince", failingSince),
  };
}

function deliveryMessage(delivery: Delivery): MessageInitShape<typeof WebhookDeliverySchema> {
  const { id, eventId, eventType, state, attempts, createdAt } = delivery;
  const { lastStatus, lastLatencyMs, lastError, lastBody, nextAttemptAt, lastAttemptAt } = delivery;
  return {
    ...{ id, eventId, eventType, state, attempts, createdAt: timestampOf(createdAt) },
    ...withoutNulls({ lastStatus, lastLatencyMs, lastError, lastBody }),
    ...optionalTimestamp("nextAttemptAt", nextAttemptAt),
    ...optionalTimestamp("lastAttemptAt", lastAttemptAt),
  };
}

import { InvalidArgumentError, type Command } from "commander";
import { formatMessage, timestampDate, timestampFromDate, type WebhookDelivery } from "../../sdk/index.js";
import { wholeNumber } from "../shell/numbers.js";
import { Session } from "../shell/session.js";
import type { Shell } from "../shell/shell.js";
import { formatFacts, formatTable } from "../shell/table.js";

/** `signet webhook deliveries` and `signet webhook replay`. */
export function addDeliveries(webhook: Command, shell: Shell): void {
  webhook
    .command("deliveries")
    .description("list deliveries, newest event first")
    .argument("<id>", "the webhook's UUID")
    .option("--state <state>", "pending, delivered or failed")
    .option("--limit <n>", "1 to 100 (25)", wholeNumber(1, 100))
    .option("--offset <n>", "how many to skip", wholeNumber(0))
    .action(
      async (webhookId: string, options: { state?: string; limit?: number; offset?: number }, command: Command) => {
        using session = Session.open(shell, command);
        const request = { orgId: await session.orgId(), webhookId, ...options };
        const listed = await session.client.webhooks.listWebhookDeliveries(request);
        answerDeliveries(shell, listed.data, () => formatMessage(listed));
      },
    );
  webhook
    .command("stats")
    .description("count deliveries by what became of them, and tell how long the oldest waits")
    .action(async (_options: unknown, command: Command) => {
      using session = Session.open(shell, command);
      const stats = await session.client.webhooks.getWebhookStats({ orgId: await session.orgId() });
      const { delivered, failed, pending, oldestPendingSeconds } = stats;
      shell.answer(
        () => formatMessage(stats),
        () =>
          formatFacts([
            ["delivered", delivered],
            ["failed", failed],
            ["pending", pending],
            ["oldest pending", `${oldestPendingSeconds} s`],
          ]),
      );
    });
  webhook
    .command("replay")
    .description("send one delivery again, or with --since every event since then")
    .argument("<id>", "the webhook's UUID")
    .argument("[delivery]", "the delivery's UUID")
    .option("--since <time>", "ISO 8601, for example 2026-01-31T12:00:00Z", instant)
    .action(
      async (webhookId: string, deliveryId: string | undefined, { since }: { since?: Date }, command: Command) => {
        if ((deliveryId === undefined) === (since === undefined)) {
          command.error("error: name a delivery, or a time with --since");
        }
        using session = Session.open(shell, command);
        const orgId = await session.orgId();
        if (since !== undefined) {
          const request = { orgId, webhookId, since: timestampFromDate(since) };
          const answer = await session.client.webhooks.replayWebhookEvents(request);
          shell.answer(
            () => formatMessage(answer),
            () => `${answer.replayed} events will be sent again\n`,
          );
          return;
        }
        const request = { orgId, webhookId, deliveryId: deliveryId ?? "" };
        const replayed = await session.client.webhooks.replayWebhookDelivery(request);
        answerDeliveries(shell, [replayed], () => formatMessage(replayed));
      },
    );
}

function answerDeliveries(shell: Shell, deliveries: readonly WebhookDelivery[], json: () => string): void {
  shell.answer(json, () =>
    formatTable(
      deliveries,
      [
        ["DELIVERY", ({ id }) => id],
        ["EVENT", ({ eventType }) => eventType],
        ["STATE", ({ state }) => state],
        ["TRIES", ({ attempts }) => attempts],
        ["STATUS", ({ lastStatus, lastError }) => lastStatus ?? lastError],
        ["NEXT TRY", ({ nextAttemptAt }) => (nextAttemptAt ? timestampDate(nextAttemptAt).toISOString() : null)],
      ],
      shell.color,
    ),
  );
}

function instant(text: string): Date {
  const date = new Date(/^\d{4}-\d\d-\d\d(T[\d:.]+(Z|[+-]\d\d:\d\d))?$/.test(text) ? text : NaN);
  if (Number.isNaN(date.getTime())) throw new InvalidArgumentError("It must be an ISO 8601 time with a zone.");
  return date;
}

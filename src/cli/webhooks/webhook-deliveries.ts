import type { Command } from "commander";
import { defined } from "../../core/defined.js";
import { formatMessage, timestampFromDate, type WebhookDelivery } from "../../sdk/index.js";
import { answerFacts, answerPage, answerRow, withPage, type PageOptions } from "../shell/answers.js";
import { UsageError } from "../shell/cli-error.js";
import { examples, listedOption } from "../shell/help.js";
import { instant } from "../shell/numbers.js";
import { inSession, Session } from "../shell/session.js";
import type { Shell } from "../shell/shell.js";
import { formatTime, type Column } from "../shell/table.js";

interface DeliveryOptions extends PageOptions {
  readonly state?: string;
  readonly event?: string;
}

/** `signet webhook deliveries`, `delivery`, `stats` and `replay`. */
export function addDeliveries(webhook: Command, shell: Shell): void {
  withPage(webhook.command("deliveries"))
    .description("list the deliveries of a webhook, newest event first")
    .argument("<id>", "UUID of the webhook")
    .addOption(listedOption("--state <state>", "only deliveries in this state", ["pending", "delivered", "failed"]))
    .option("--event <type>", "only deliveries of this type of event")
    .addHelpText("after", examples("signet webhook deliveries 0b0c0d0e-0000-4000-8000-000000000001 --state failed"))
    .action(
      inSession(shell, async (session, webhookId: string, { event, ...options }: DeliveryOptions) => {
        const request = { orgId: await session.orgId(), webhookId, ...options, ...defined({ eventType: event }) };
        const listed = await session.client.webhooks.listWebhookDeliveries(request);
        answerPage(shell, listed, options.offset, COLUMNS);
      }),
    );
  webhook
    .command("delivery")
    .description("show a delivery: its tries, the answer, and the body that is sent")
    .argument("<id>", "UUID of the webhook")
    .argument("<delivery>", "UUID of the delivery")
    .addHelpText(
      "after",
      examples("signet webhook delivery 0b0c0d0e-0000-4000-8000-000000000001 0b0c0d0e-0000-4000-8000-000000000002"),
    )
    .action(
      inSession(shell, async (session, webhookId: string, deliveryId: string) => {
        const request = { orgId: await session.orgId(), webhookId, deliveryId };
        const it = await session.client.webhooks.getWebhookDelivery(request);
        answerFacts(shell, it, [
          ["event", `${it.eventType}, ${it.eventId}`],
          ["state", it.state],
          ["attempts", it.attempts],
          ["last attempt", formatTime(it.lastAttemptAt)],
          ["next attempt", formatTime(it.nextAttemptAt)],
          ["status", it.lastStatus],
          ["error", it.lastError],
          ["answer", it.lastBody],
          ["body", it.body],
        ]);
      }),
    );
  webhook
    .command("stats")
    .description("count deliveries by state, and show how long the oldest has been pending")
    .addHelpText("after", examples("signet webhook stats"))
    .action(
      inSession(shell, async (session) => {
        const stats = await session.client.webhooks.getWebhookStats({ orgId: await session.orgId() });
        answerFacts(shell, stats, [
          ["delivered", stats.delivered],
          ["failed", stats.failed],
          ["pending", stats.pending],
          ["oldest pending", `${stats.oldestPendingSeconds} s`],
        ]);
      }),
    );
  webhook
    .command("replay")
    .description("send one delivery again, or with --since every event since that time")
    .argument("<id>", "UUID of the webhook")
    .argument("[delivery]", "UUID of the delivery")
    .option("--since <time>", "ISO 8601, for example 2026-01-31T12:00:00Z", instant)
    .addHelpText(
      "after",
      examples("signet webhook replay 0b0c0d0e-0000-4000-8000-000000000001 --since 2026-01-31T12:00:00Z"),
    )
    .action(
      async (webhookId: string, deliveryId: string | undefined, { since }: { since?: Date }, command: Command) => {
        if ((deliveryId === undefined) === (since === undefined)) {
          throw new UsageError("nothing to replay: pass either a delivery or --since");
        }
        using session = Session.open(shell, command);
        const orgId = await session.orgId();
        if (since === undefined) {
          const request = { orgId, webhookId, deliveryId: deliveryId ?? "" };
          answerRow(shell, await session.client.webhooks.replayWebhookDelivery(request), COLUMNS);
          return;
        }
        const request = { orgId, webhookId, since: timestampFromDate(since) };
        const answer = await session.client.webhooks.replayWebhookEvents(request);
        shell.answer(
          () => formatMessage(answer),
          () => `${answer.replayed} events will be sent again\n`,
        );
      },
    );
}

const COLUMNS: readonly Column<WebhookDelivery>[] = [
  ["DELIVERY", ({ id }) => id],
  ["EVENT", ({ eventType }) => eventType],
  ["STATE", ({ state }) => state],
  ["ATTEMPTS", ({ attempts }) => attempts],
  ["STATUS", ({ lastStatus, lastError }) => lastStatus ?? lastError],
  ["NEXT ATTEMPT", ({ nextAttemptAt }) => formatTime(nextAttemptAt)],
];

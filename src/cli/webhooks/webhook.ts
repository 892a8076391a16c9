import type { Command } from "commander";
import { line } from "../../core/printable.js";
import { formatMessage, formatMessages, timestampDate, type Webhook } from "../../sdk/index.js";
import { UsageError } from "../shell/cli-error.js";
import { wholeNumber } from "../shell/numbers.js";
import { Session } from "../shell/session.js";
import type { Shell } from "../shell/shell.js";
import { formatFacts, formatTable } from "../shell/table.js";
import { addDeliveries } from "./webhook-deliveries.js";

interface WebhookOptions {
  readonly url?: string;
  readonly events?: readonly string[];
  readonly secret: boolean;
  readonly active?: boolean;
}

/** `signet webhook`: where events are sent. */
export function addWebhook(program: Command, shell: Shell): void {
  const webhook = program
    .command("webhook")
    .description("list, see, create, update, delete and test webhooks, see and replay their deliveries");
  webhook
    .command("list", { isDefault: true })
    .description("list them, newest first")
    .action(async (_options: unknown, command: Command) => {
      using session = Session.open(shell, command);
      const { webhooks } = await session.client.webhooks.listWebhooks({ orgId: await session.orgId() });
      answerWebhooks(shell, webhooks, () => formatMessages(webhooks));
    });
  webhook
    .command("get")
    .description("show one: since when it fails, and why it was switched off")
    .argument("<id>", "its UUID")
    .action(async (webhookId: string, _options: unknown, command: Command) => {
      using session = Session.open(shell, command);
      const found = await session.client.webhooks.getWebhook({ orgId: await session.orgId(), webhookId });
      const { id, url, events, isActive, hasSecret, disabledReason, failingSince, createdAt } = found;
      shell.answer(
        () => formatMessage(found),
        () =>
          formatFacts([
            ["id", id],
            ["url", url],
            ["events", events.join(", ")],
            ["active", isActive],
            ["has a secret", hasSecret],
            ["switched off because", disabledReason],
            ["failing since", failingSince ? timestampDate(failingSince).toISOString() : null],
            ["created", createdAt ? timestampDate(createdAt).toISOString() : null],
          ]),
      );
    });
  webhook
    .command("create")
    .description("make one; its secret stands alone on standard output, this once")
    .argument("<url>", "https, or http where the operator allows it")
    .option("--events <types...>", "event types, bundle.* or *", ["bundle.*"])
    .option("--no-secret", "sign with the public key only")
    .action(async (url: string, { events = [], secret }: WebhookOptions, command: Command) => {
      using session = Session.open(shell, command);
      const request = { orgId: await session.orgId(), url, events: [...events], generateSecret: secret };
      const made = await session.client.webhooks.createWebhook(request);
      if (!shell.json) shell.notice(`webhook ${made.id} hears of ${made.events.join(", ")}`);
      shell.answer(
        () => formatMessage(made),
        () => (made.secret === undefined ? "" : line`${made.secret}\n`),
      );
    });
  webhook
    .command("update")
    .description("change its address or events, or switch it off and on")
    .argument("<id>", "its UUID")
    .option("--url <url>", "another address")
    .option("--events <types...>", "other event types")
    .option("--active", "switch it on; it goes on where it stopped")
    .option("--no-active", "switch it off")
    .action(async (webhookId: string, { url, events, active }: WebhookOptions, command: Command) => {
      const change = {
        ...(url === undefined ? {} : { url }),
        ...(events === undefined ? {} : { events: [...events] }),
        ...(active === undefined ? {} : { isActive: active }),
      };
      if (Object.keys(change).length === 0)
        throw new UsageError("change what? --url, --events, --active or --no-active");
      using session = Session.open(shell, command);
      const changed = await session.client.webhooks.updateWebhook({
        orgId: await session.orgId(),
        webhookId,
        ...change,
      });
      answerWebhooks(shell, [changed], () => formatMessage(changed));
    });
  webhook
    .command("delete")
    .description("delete one with its deliveries")
    .argument("<id>", "its UUID")
    .action(async (webhookId: string, _options: unknown, command: Command) => {
      using session = Session.open(shell, command);
      await session.client.webhooks.deleteWebhook({ orgId: await session.orgId(), webhookId });
      shell.answer(
        () => JSON.stringify({ deleted: webhookId }),
        () => line`deleted webhook ${webhookId}\n`,
      );
    });
  webhook
    .command("rotate-secret")
    .description("replace its secret; the new one stands alone on standard output, this once")
    .argument("<id>", "its UUID")
    .option("--grace-seconds <n>", "for how long the old one signs too (86400)", wholeNumber(0))
    .action(async (webhookId: string, { graceSeconds }: { graceSeconds?: number }, command: Command) => {
      using session = Session.open(shell, command);
      const grace = graceSeconds === undefined ? {} : { graceSeconds };
      const request = { orgId: await session.orgId(), webhookId, ...grace };
      const rotated = await session.client.webhooks.rotateWebhookSecret(request);
      shell.answer(
        () => formatMessage(rotated),
        () => line`${rotated.secret}\n`,
      );
    });
  webhook
    .command("test")
    .description("send a webhook.test event now and tell how it went")
    .argument("<id>", "its UUID")
    .action(async (webhookId: string, _options: unknown, command: Command) => {
      using session = Session.open(shell, command);
      const result = await session.client.webhooks.testWebhook({ orgId: await session.orgId(), webhookId });
      const { delivered, status, latencyMs, error } = result;
      shell.answer(
        () => formatMessage(result),
        () =>
          formatFacts([
            ["delivered", delivered],
            ["status", status],
            ["latency", `${latencyMs} ms`],
            ["error", error],
          ]),
      );
    });
  addDeliveries(webhook, shell);
}

function answerWebhooks(shell: Shell, webhooks: readonly Webhook[], json: () => string): void {
  shell.answer(json, () =>
    formatTable(
      webhooks,
      [
        ["ID", ({ id }) => id],
        ["ACTIVE", ({ isActive }) => isActive],
        ["FAILING SINCE", ({ failingSince }) => (failingSince ? timestampDate(failingSince).toISOString() : null)],
        ["EVENTS", ({ events }) => events.join(",")],
        ["URL", ({ url }) => url],
      ],
      shell.color,
    ),
  );
}

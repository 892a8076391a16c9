import type { Command } from "commander";
import { defined } from "../../core/defined.js";
import { line } from "../../core/printable.js";
import { formatMessage, type Webhook } from "../../sdk/index.js";
import { answerChange, answerFacts, answerRow, answerRows } from "../shell/answers.js";
import { UsageError } from "../shell/cli-error.js";
import { examples } from "../shell/help.js";
import { wholeNumber } from "../shell/numbers.js";
import { inSession, Session } from "../shell/session.js";
import type { Shell } from "../shell/shell.js";
import { formatTime, type Column } from "../shell/table.js";
import { addDeliveries } from "./webhook-deliveries.js";

interface CreateOptions {
  readonly events: readonly string[];
  readonly secret: boolean;
}

interface UpdateOptions {
  readonly url?: string;
  readonly events?: readonly string[];
  readonly active?: boolean;
}

/** Help for the argument that names a webhook. */
const WEBHOOK = "UUID of the webhook";

/** `signet webhook`: the addresses that events are sent to. */
export function addWebhook(program: Command, shell: Shell): void {
  const webhook = program
    .command("webhook")
    .description("create, list, show, update, delete and test webhooks; list and replay their deliveries")
    .addHelpText("after", examples("signet webhook list", "signet webhook create https://example.com/hook"));
  webhook
    .command("list", { isDefault: true })
    .description("list webhooks, newest first")
    .addHelpText("after", examples("signet webhook list"))
    .action(
      inSession(shell, async (session) => {
        const { webhooks } = await session.client.webhooks.listWebhooks({ orgId: await session.orgId() });
        answerRows(shell, webhooks, COLUMNS);
      }),
    );
  webhook
    .command("get")
    .description("show one webhook: since when it fails, and why it was disabled")
    .argument("<id>", WEBHOOK)
    .addHelpText("after", examples("signet webhook get 0b0c0d0e-0000-4000-8000-000000000001"))
    .action(
      inSession(shell, async (session, webhookId: string) => {
        const found = await session.client.webhooks.getWebhook({ orgId: await session.orgId(), webhookId });
        answerFacts(shell, found, [
          ["id", found.id],
          ["url", found.url],
          ["events", found.events.join(", ")],
          ["active", found.isActive],
          ["has a secret", found.hasSecret],
          ["disabled because", found.disabledReason],
          ["failing since", formatTime(found.failingSince)],
          ["created", formatTime(found.createdAt)],
        ]);
      }),
    );
  webhook
    .command("create")
    .description("create a webhook; prints its secret once, alone on stdout")
    .argument("<url>", "https, or http where the operator allows it")
    .option("--events <types...>", "event types, bundle.* or *", ["bundle.*"])
    .option("--no-secret", "sign with the server's key only")
    .addHelpText(
      "after",
      examples("signet webhook create https://ci.example.com/hooks/signet --events bundle.published"),
    )
    .action(
      inSession(shell, async (session, url: string, { events, secret }: CreateOptions) => {
        const request = { orgId: await session.orgId(), url, events: [...events], generateSecret: secret };
        const created = await session.client.webhooks.createWebhook(request);
        if (!shell.json) shell.notice(`created webhook ${created.id} for ${created.events.join(", ")}`);
        answerSecret(shell, created);
      }),
    );
  webhook
    .command("update")
    .description("update a webhook: its address or events, or disable and enable it")
    .argument("<id>", WEBHOOK)
    .option("--url <url>", "new address")
    .option("--events <types...>", "new event types")
    .option("--active", "enable it; delivery resumes where it stopped")
    .option("--no-active", "disable it")
    .addHelpText("after", examples("signet webhook update 0b0c0d0e-0000-4000-8000-000000000001 --no-active"))
    .action(async (webhookId: string, { url, events, active }: UpdateOptions, command: Command) => {
      const change = defined({ url, events: events && [...events], isActive: active });
      if (Object.keys(change).length === 0)
        throw new UsageError("nothing to update: pass --url, --events, --active or --no-active");
      using session = Session.open(shell, command);
      const request = { orgId: await session.orgId(), webhookId, ...change };
      answerRow(shell, await session.client.webhooks.updateWebhook(request), COLUMNS);
    });
  webhook
    .command("delete")
    .description("delete a webhook and its deliveries")
    .argument("<id>", WEBHOOK)
    .addHelpText("after", examples("signet webhook delete 0b0c0d0e-0000-4000-8000-000000000001"))
    .action(
      inSession(shell, async (session, webhookId: string) => {
        await session.client.webhooks.deleteWebhook({ orgId: await session.orgId(), webhookId });
        answerChange(shell, "deleted", "webhook", webhookId);
      }),
    );
  webhook
    .command("rotate-secret")
    .description("replace a webhook's secret; prints the new one once, alone on stdout")
    .argument("<id>", WEBHOOK)
    .option(
      "--grace-seconds <n>",
      "keep signing with the old secret too for this long (default: 86400)",
      wholeNumber(0),
    )
    .addHelpText("after", examples("signet webhook rotate-secret 0b0c0d0e-0000-4000-8000-000000000001"))
    .action(
      inSession(shell, async (session, webhookId: string, { graceSeconds }: { graceSeconds?: number }) => {
        const request = { orgId: await session.orgId(), webhookId, ...defined({ graceSeconds }) };
        answerSecret(shell, await session.client.webhooks.rotateWebhookSecret(request));
      }),
    );
  webhook
    .command("test")
    .description("send a webhook.test event now and show the result")
    .argument("<id>", WEBHOOK)
    .addHelpText("after", examples("signet webhook test 0b0c0d0e-0000-4000-8000-000000000001"))
    .action(
      inSession(shell, async (session, webhookId: string) => {
        const result = await session.client.webhooks.testWebhook({ orgId: await session.orgId(), webhookId });
        answerFacts(shell, result, [
          ["delivered", result.delivered],
          ["status", result.status],
          ["latency", `${result.latencyMs} ms`],
          ["error", result.error],
        ]);
      }),
    );
  addDeliveries(webhook, shell);
}

/** The secret alone on standard output, so that a script can take it; nothing for a webhook without one. */
function answerSecret(
  shell: Shell,
  answer: Parameters<typeof formatMessage>[0] & { readonly secret?: string | undefined },
): void {
  shell.answer(
    () => formatMessage(answer),
    () => (answer.secret === undefined ? "" : line`${answer.secret}\n`),
  );
}

const COLUMNS: readonly Column<Webhook>[] = [
  ["ID", ({ id }) => id],
  ["ACTIVE", ({ isActive }) => isActive],
  ["FLOW", ({ flow }) => flow],
  ["FAILING SINCE", ({ failingSince }) => formatTime(failingSince)],
  ["EVENTS", ({ events }) => events.join(",")],
  ["URL", ({ url }) => url],
];

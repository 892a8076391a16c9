import { Option, type Command } from "commander";
import { defined } from "../../core/defined.js";
import { line } from "../../core/printable.js";
import {
  ENVIRONMENT_TOPICS,
  formatMessage,
  timestampDate,
  watchEnvironments,
  type EnvironmentsEvent,
  type EnvironmentTopic,
  type WatchedEnvironment,
} from "../../sdk/index.js";
import { examples } from "../shell/help.js";
import { wholeNumber } from "../shell/numbers.js";
import { inSession } from "../shell/session.js";
import type { Shell } from "../shell/shell.js";
import { formatActor } from "../shell/table.js";

interface Options {
  readonly topic: readonly EnvironmentTopic[];
  readonly initial?: boolean;
  readonly count?: number;
}

const HELP = `
Follows the organization, or with --project one project, with an admin, ci or viewer token, until it is interrupted: what becomes active,
is held or released, changed, made and deleted. One line each on standard output; with --json one JSON object each, with all that the
API tells, and "type". Connection events are written to standard error. It reconnects by itself, and skips only what was superseded
meanwhile. --topic fleet adds how many instances are live and where they stand, deliveries (admin tokens) webhooks with new or changed
deliveries, audit (tokens that read the audit) the newest audit event.
`;

/** `signet events`: follows what changes in the environments of an organization or a project. */
export function addEvents(program: Command, shell: Shell): void {
  program
    .command("events")
    .description("follow what changes in environments: activations, holds, settings, and topics")
    .addOption(
      new Option("--topic <topic>", "also follow this; may be repeated")
        .choices(ENVIRONMENT_TOPICS)
        .argParser((topic: string, before: readonly string[]) => [...before, topic])
        .default([], "none"),
    )
    .option("--initial", "first write the state of every project and environment")
    .option("--count <n>", "exit after this many events", wholeNumber(1))
    .addHelpText(
      "after",
      HELP + examples("signet events --project shop", "signet events --topic fleet --topic audit --json"),
    )
    .action(
      inSession(shell, async (session, { topic, initial = false, count = Infinity }: Options, command: Command) => {
        const hasProject = command.parent?.getOptionValueSource("project") === "cli";
        const events = watchEnvironments(session.client, {
          ...{ orgId: await session.orgId(), topics: topic, signal: shell.io.signal },
          ...defined({ projectId: hasProject ? session.options.project : undefined }),
        });
        let [left, isCurrent] = [count, initial];
        for await (const event of events) {
          if (event.type === "reconnecting") {
            shell.notice(line`reconnecting in ${event.delayMs} ms: ${event.error.message}`);
          } else if (event.type === "current") {
            shell.notice(`following ${event.value.environments} environments`);
            isCurrent = true;
          } else if (event.type !== "heartbeat" && isCurrent) {
            write(shell, event);
            left -= 1;
            if (left <= 0) return;
          }
        }
      }),
    );
}

type Shown = Exclude<EnvironmentsEvent, { type: "reconnecting" | "current" | "heartbeat" }>;

function write(shell: Shell, event: Shown): void {
  if (shell.json) return shell.io.out(shell.shown(`${jsonOf(event)}\n`));
  for (const text of wordsOf(event)) shell.io.out(`${text}\n`);
}

function jsonOf(event: Shown): string {
  const type = JSON.stringify(event.type);
  const value = "$typeName" in event.value ? formatMessage(event.value) : JSON.stringify(event.value);
  return `{"type":${type},${value.slice(1)}`;
}

function wordsOf(event: Shown): readonly string[] {
  switch (event.type) {
    case "environment":
      return [environmentWords(event.value)];
    case "environment_deleted":
      return [line`deleted environment ${event.value.name ?? event.value.id}`];
    case "project":
      return [line`project ${event.value.slug}`];
    case "project_deleted":
      return [line`deleted project ${event.value.slug}`];
    case "fleet":
      return event.value.environments.map(
        ({ environment, live, applied, behind, rejected }) =>
          line`fleet ${environment}: ${live} live, ${applied} applied, ${behind} behind, ${rejected} rejected`,
      );
    case "deliveries":
      return event.value.webhookIds.map((id) => line`deliveries of webhook ${id}`);
    case "audit":
      return [line`audit ${event.value.id}: ${event.value.action} by ${event.value.actor}`];
  }
}

function environmentWords({ project, environment, deployment, activated }: WatchedEnvironment): string {
  const place = `${project}/${environment?.name ?? ""}`;
  const hold = environment?.hold === undefined ? "" : line`, held${because(environment.hold.reason)}`;
  if (deployment === undefined) return line`${place}: nothing active` + hold;
  const { sequence, version, kind, title, reason, performedBy, actor, at } = deployment;
  const named = title === undefined ? "" : ` "${title}"`;
  if (!activated) return line`${place}: version ${version}${named}` + hold;
  const time = at === undefined ? "" : timestampDate(at).toISOString();
  const who = formatActor(performedBy, actor);
  return line`${place}: ${kind} of version ${version}${named}, sequence ${sequence}, by ${who} at ${time}${because(reason)}${hold}`;
}

function because(reason: string | undefined): string {
  return reason === undefined ? "" : ` (${reason})`;
}

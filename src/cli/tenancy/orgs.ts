import type { Command } from "commander";
import { formatMessage } from "../../sdk/index.js";
import { noticeMore } from "../shell/lists.js";
import { wholeNumber } from "../shell/numbers.js";
import { Session } from "../shell/session.js";
import type { Shell } from "../shell/shell.js";
import { formatFacts, formatTable, formatTime } from "../shell/table.js";

interface CreateOptions {
  readonly plan?: string;
  readonly versionsPerEnvironment?: number;
}

/** `signet orgs`: the organizations of a server, for its operator. */
export function addOrgs(program: Command, shell: Shell): void {
  const orgs = program.command("orgs").description("list and create organizations (operator only)");
  orgs
    .command("list", { isDefault: true })
    .description("list all organizations of this server, oldest first")
    .option("--limit <count>", "at most so many", wholeNumber(1, 100), 25)
    .option("--offset <count>", "leave out the oldest", wholeNumber(0), 0)
    .action((page: { limit: number; offset: number }, command: Command) => list(shell, page, command));
  orgs
    .command("create")
    .description("make an organization and its first admin token")
    .argument("<name>", "1 to 255 characters")
    .option("--plan <plan>", "the name of its plan")
    .option("--versions-per-environment <count>", "its quota; unlimited by default", wholeNumber(1))
    .action(async (name: string, { plan, versionsPerEnvironment }: CreateOptions, command: Command) => {
      using session = Session.open(shell, command);
      const planned = {
        ...(plan === undefined ? {} : { plan }),
        ...(versionsPerEnvironment === undefined ? {} : { versionsPerEnvironment }),
      };
      const made = await session.client.organizations.createOrganization({ name, ...planned });
      shell.answer(
        () => formatMessage(made),
        () =>
          formatFacts([
            ["id", made.id],
            ["name", made.name],
            ["slug", made.slug],
            ["plan", made.plan],
            ["admin token (shown only now)", made.adminToken?.rawKey],
          ]),
      );
    });
}

async function list(shell: Shell, page: { limit: number; offset: number }, command: Command): Promise<void> {
  using session = Session.open(shell, command);
  const answer = await session.client.organizations.listOrganizations(page);
  shell.answer(
    () => formatMessage(answer),
    () =>
      formatTable(
        answer.data,
        [
          ["ID", ({ id }) => id],
          ["SLUG", ({ slug }) => slug],
          ["PLAN", ({ plan }) => plan],
          ["VERSIONS KEPT", ({ versionsPerEnvironment }) => versionsPerEnvironment ?? "unlimited"],
          ["CREATED", ({ createdAt }) => formatTime(createdAt)],
          ["NAME", ({ name }) => name],
        ],
        shell.color,
      ),
  );
  noticeMore(shell, page.offset + answer.data.length, answer.total, "--limit or --offset");
}

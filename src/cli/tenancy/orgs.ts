import type { Command } from "commander";
import { defined } from "../../core/defined.js";
import { answerFacts, answerPage, withPage, type PageOptions } from "../shell/answers.js";
import { examples } from "../shell/help.js";
import { wholeNumber } from "../shell/numbers.js";
import { inSession } from "../shell/session.js";
import type { Shell } from "../shell/shell.js";
import { formatTime } from "../shell/table.js";

interface CreateOptions {
  readonly plan?: string;
  readonly versionsPerEnvironment?: number;
}

/** `signet orgs`: the organizations of a server, for admins of the operator's organization. */
export function addOrgs(program: Command, shell: Shell): void {
  const orgs = program
    .command("orgs")
    .description("list and create organizations (operator only)")
    .addHelpText("after", examples("signet orgs list", 'signet orgs create "Acme Inc"'));
  withPage(orgs.command("list", { isDefault: true }))
    .description("list the organizations of this server, oldest first")
    .addHelpText("after", examples("signet orgs"))
    .action(
      inSession(shell, async (session, page: PageOptions) => {
        const answer = await session.client.organizations.listOrganizations({ ...page });
        answerPage(shell, answer, page.offset, [
          ["ID", ({ id }) => id],
          ["SLUG", ({ slug }) => slug],
          ["PLAN", ({ plan }) => plan],
          ["VERSIONS KEPT", ({ versionsPerEnvironment }) => versionsPerEnvironment ?? "unlimited"],
          ["CREATED", ({ createdAt }) => formatTime(createdAt)],
          ["NAME", ({ name }) => name],
        ]);
      }),
    );
  orgs
    .command("create")
    .description("create an organization and its first admin token; shows the token once")
    .argument("<name>", "1 to 255 characters")
    .option("--plan <plan>", "name of its plan")
    .option("--versions-per-environment <count>", "quota of kept versions (default: unlimited)", wholeNumber(1))
    .addHelpText("after", examples('signet orgs create "Acme Inc" --plan team'))
    .action(
      inSession(shell, async (session, name: string, { plan, versionsPerEnvironment }: CreateOptions) => {
        const request = { name, ...defined({ plan, versionsPerEnvironment }) };
        const created = await session.client.organizations.createOrganization(request);
        answerFacts(shell, created, [
          ["id", created.id],
          ["name", created.name],
          ["slug", created.slug],
          ["plan", created.plan],
          ["admin token (shown only now)", created.adminToken?.rawKey],
        ]);
      }),
    );
}

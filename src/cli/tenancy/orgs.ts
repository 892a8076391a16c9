import type { Command } from "commander";
import { defined } from "../../core/defined.js";
import { answerChange, answerFacts, answerPage, withPage, type PageOptions } from "../shell/answers.js";
import {
  confirmDeletion,
  requireConfirmable,
  withDeletion,
  withForce,
  type DeletionOptions,
} from "../shell/confirmation.js";
import { examples } from "../shell/help.js";
import { wholeNumber } from "../shell/numbers.js";
import { inSession } from "../shell/session.js";
import type { Shell } from "../shell/shell.js";
import { formatTime } from "../shell/table.js";
import { organizationFacts } from "./deletion-facts.js";

interface CreateOptions {
  readonly plan?: string;
  readonly versionsPerEnvironment?: number;
}

interface DeleteOptions extends DeletionOptions {
  readonly force?: true;
}

const DELETE_HELP = `
Asks for confirmation on a terminal; elsewhere it needs --yes. An organization is not deleted while one of its environments is protected
and keeps a bundle, nor while runtimes are live in it, without --force. The operator's own cannot be deleted. Its audit events stay.
`;

/** `signet orgs`: the organizations of a server, for admins of the operator's organization. */
export function addOrgs(program: Command, shell: Shell): void {
  const orgs = program
    .command("orgs")
    .description("list, create and delete organizations (operator only)")
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
  withForce(withDeletion(orgs.command("delete")))
    .description("delete an organization with its projects, webhooks and tokens, after confirmation")
    .argument("<org>", "UUID, slug or name")
    .addHelpText("after", DELETE_HELP + examples("signet orgs delete acme", "signet orgs delete acme --yes"))
    .action(
      inSession(shell, async (session, orgId: string, options: DeleteOptions) => {
        requireConfirmable(shell, options);
        const { organizations } = session.client;
        await confirmDeletion(shell, options, `organization "${orgId}"`, () =>
          organizationFacts(session.client, orgId),
        );
        const { force = false, reason } = options;
        await organizations.deleteOrganization({ orgId, force, ...defined({ reason }) });
        answerChange(shell, "deleted", "organization", orgId);
      }),
    );
}

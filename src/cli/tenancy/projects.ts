import type { Command } from "commander";
import { defined } from "../../core/defined.js";
import { answerChange, answerFacts, answerRows, countingTotal, noticeMore } from "../shell/answers.js";
import {
  confirmDeletion,
  requireConfirmable,
  withDeletion,
  withForce,
  type ForcedDeletionOptions,
} from "../shell/confirmation.js";
import { examples } from "../shell/help.js";
import { wholeNumber } from "../shell/numbers.js";
import { inSession } from "../shell/session.js";
import type { Shell } from "../shell/shell.js";
import { formatTime, type Fact } from "../shell/table.js";
import { projectFacts } from "./deletion-facts.js";

interface CreateOptions {
  readonly environments?: string[];
  readonly runtimeKeys: boolean;
}

const DELETE_HELP = `
Asks for confirmation on a terminal; elsewhere it needs --yes. A project is not deleted while one of its environments is protected and
keeps a bundle (signet envs update <name> --no-protected), nor while runtimes are live in it, without --force.
`;

/** `signet projects`: the projects of an organization. */
export function addProjects(program: Command, shell: Shell): void {
  const projects = program
    .command("projects")
    .description("list, create and delete projects")
    .addHelpText("after", examples("signet projects list", 'signet projects create "Support bot"'));
  projects
    .command("list", { isDefault: true })
    .description("list the projects that the token may see, newest first")
    .option("--limit <count>", "show at most this many, up to 1000", wholeNumber(1, 1000), 100)
    .addHelpText("after", examples("signet projects"))
    .action(
      inSession(shell, async (session, { limit }: { limit: number }) => {
        const counting = countingTotal();
        const request = { orgId: await session.orgId(), limit };
        const { projects } = await session.client.organizations.listProjects(request, counting);
        answerRows(shell, projects, [
          ["ID", ({ id }) => id],
          ["SLUG", ({ slug }) => slug],
          ["CREATED", ({ createdAt }) => formatTime(createdAt)],
          ["ENVIRONMENTS", ({ environments }) => environments.map(({ name }) => name).join(" ")],
          ["NAME", ({ name }) => name],
        ]);
        noticeMore(shell, projects.length, counting.total(), "--limit");
      }),
    );
  projects
    .command("create")
    .description("create a project, its environments and a runtime token for each; shows the tokens once")
    .argument("<name>", "1 to 255 characters")
    .option("--environments <names...>", "in order, each promotes to the next (default: dev staging prod)")
    .option("--no-runtime-keys", "create no runtime tokens")
    .addHelpText("after", examples('signet projects create "Support bot" --environments dev prod'))
    .action(
      inSession(shell, async (session, name: string, { environments = [], runtimeKeys }: CreateOptions) => {
        const request = { orgId: await session.orgId(), name, environments, runtimeKeys };
        const created = await session.client.organizations.createProject(request);
        answerFacts(shell, created, [
          ["id", created.id],
          ["name", created.name],
          ["slug", created.slug],
          ...created.runtimeKeys.map(({ envName, rawKey }): Fact => [
            `runtime token of ${envName} (shown only now)`,
            rawKey,
          ]),
        ]);
      }),
    );
  withForce(withDeletion(projects.command("delete")))
    .description("delete a project with its environments, bundles and tokens, after confirmation")
    .argument("<project>", "UUID, slug or name")
    .addHelpText("after", DELETE_HELP + examples("signet projects delete support-bot"))
    .action(
      inSession(shell, async (session, wanted: string, options: ForcedDeletionOptions) => {
        requireConfirmable(shell, options);
        const { organizations } = session.client;
        const path = { orgId: await session.orgId(), projectId: await session.projectId(wanted) };
        const { projectId } = path;
        await confirmDeletion(shell, options, `project "${wanted}"`, async () =>
          projectFacts(session.client, path.orgId, await organizations.getProject(path)),
        );
        const { force = false, reason } = options;
        await organizations.deleteProject({ ...path, force, ...defined({ reason }) });
        answerChange(shell, "deleted", "project", projectId);
      }),
    );
}

import type { Command } from "commander";
import { line } from "../../core/printable.js";
import { formatMessage, formatMessages } from "../../sdk/index.js";
import { countingTotal, noticeMore } from "../shell/lists.js";
import { wholeNumber } from "../shell/numbers.js";
import { Session } from "../shell/session.js";
import type { Shell } from "../shell/shell.js";
import { formatFacts, formatTable, formatTime } from "../shell/table.js";

/** `signet projects`: what policies are written for. */
export function addProjects(program: Command, shell: Shell): void {
  const projects = program.command("projects").description("list, create and delete projects");
  projects
    .command("list", { isDefault: true })
    .description("list the projects that the token sees, newest first")
    .option("--limit <count>", "at most so many", wholeNumber(1, 1000), 100)
    .action((options: { limit: number }, command: Command) => list(shell, options, command));
  projects
    .command("create")
    .description("make a project with its environments, and a runtime token for each")
    .argument("<name>", "1 to 255 characters")
    .option("--environments <names...>", "in order, each promoting to the next one (default: dev staging prod)")
    .option("--no-runtime-keys", "make no runtime tokens")
    .action((name: string, options: NewProject, command: Command) => create(shell, name, options, command));
  projects
    .command("delete")
    .description("delete a project with its environments, bundles and tokens")
    .argument("<project>", "UUID, slug or name")
    .action(async (wanted: string, _options: unknown, command: Command) => {
      using session = Session.open(shell, command);
      const projectId = await session.projectId(wanted);
      await session.client.organizations.deleteProject({ orgId: await session.orgId(), projectId });
      shell.answer(
        () => JSON.stringify({ deleted: projectId }),
        () => line`deleted project ${projectId}\n`,
      );
    });
}

async function list(shell: Shell, { limit }: { limit: number }, command: Command): Promise<void> {
  using session = Session.open(shell, command);
  const counting = countingTotal();
  const request = { orgId: await session.orgId(), limit };
  const { projects } = await session.client.organizations.listProjects(request, counting);
  shell.answer(
    () => formatMessages(projects),
    () =>
      formatTable(
        projects,
        [
          ["ID", ({ id }) => id],
          ["SLUG", ({ slug }) => slug],
          ["CREATED", ({ createdAt }) => formatTime(createdAt)],
          ["ENVIRONMENTS", ({ environments }) => environments.map(({ name }) => name).join(" ")],
          ["NAME", ({ name }) => name],
        ],
        shell.color,
      ),
  );
  noticeMore(shell, projects.length, counting.total(), "--limit");
}

interface NewProject {
  readonly environments?: string[];
  readonly runtimeKeys: boolean;
}

async function create(shell: Shell, name: string, options: NewProject, command: Command): Promise<void> {
  using session = Session.open(shell, command);
  const { environments = [], runtimeKeys } = options;
  const request = { orgId: await session.orgId(), name, environments, runtimeKeys };
  const made = await session.client.organizations.createProject(request);
  shell.answer(
    () => formatMessage(made),
    () =>
      formatFacts([
        ["id", made.id],
        ["name", made.name],
        ["slug", made.slug],
        ...made.runtimeKeys.map(
          ({ envName, rawKey }) => [`runtime token of ${envName} (shown only now)`, rawKey] as const,
        ),
      ]),
  );
}

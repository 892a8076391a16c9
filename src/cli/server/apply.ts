import { createHash } from "node:crypto";
import type { Command } from "commander";
import { AppError } from "../../core/error.js";
import { hasContents, type DeclaredOrganization } from "../../provision/declaration.js";
import { executePlan } from "../../provision/execute.js";
import { planChanges } from "../../provision/plan.js";
import { inOneForm } from "../../provision/names.js";
import { describeStep, isRemoval, type Step } from "../../provision/step.js";
import { UsageError } from "../shell/cli-error.js";
import { asked, requireConfirmable } from "../shell/confirmation.js";
import { examples } from "../shell/help.js";
import { readDeclaration } from "../shell/declaration-file.js";
import { apiTarget } from "./provision-api.js";
import { Session } from "../shell/session.js";
import type { Shell } from "../shell/shell.js";

interface Options {
  readonly file: string;
  readonly dryRun?: true;
  readonly yes?: true;
  readonly prune?: true;
}

const HELP = `
Compares the file with the server, shows the changes, and makes them once they are confirmed: by --yes, or by an answer on a terminal.
The format of the file: docs/provision.md.

  +  create    ~  update    -  delete: only with --prune, and only in lists that the file contains

Each line is a separate change. If one fails, the earlier ones stay; the same command continues from there.
`;

const DRY_RUN = ", or --dry-run to see the changes";

/** `signet apply`: brings a server to the state that a file declares. */
export function addApply(program: Command, shell: Shell): void {
  program
    .command("apply")
    .description("apply a declaration of organizations, projects, environments, webhooks and tokens")
    .requiredOption("-f, --file <file>", "declaration: .yaml, .yml, .json, or - for standard input")
    .option("--dry-run", "only show the changes")
    .option("--yes", "do not ask for confirmation")
    .option("--prune", "delete what a declared list does not contain")
    .addHelpText("after", HELP + examples("signet apply -f signet.yaml --dry-run", "signet apply -f signet.yaml --yes"))
    .action(async (options: Options, command: Command) => {
      const mustAsk = options.dryRun !== true && options.yes !== true;
      if (mustAsk && options.file === "-") throw new UsageError(`stdin is the file: pass --yes to confirm${DRY_RUN}`);
      if (mustAsk) requireConfirmable(shell, options, DRY_RUN);
      await apply(shell, command, options);
    });
}

async function apply(shell: Shell, command: Command, { file, dryRun, yes, prune }: Options): Promise<void> {
  const declaration = await readDeclaration(shell, file, true);
  using session = Session.open(shell, command);
  const target = apiTarget(session.client, declaration, (token) => session.clientWith(token));
  const actual = inOneForm(await target.read());
  const plan = planChanges(declaration, actual, { prune: prune ?? false });
  refuseUnreachable(plan);
  if (!shell.json) shell.io.out(describePlan(plan));
  if (plan.length === 0 || dryRun === true) return answer(shell, plan, 0);
  if (yes !== true && !(await asked(shell, "Apply?"))) throw new UsageError("not confirmed: nothing was changed");
  let done = 0;
  try {
    await executePlan(target, plan, { declaration, actual }, () => (done += 1));
  } catch (thrown) {
    shell.notice(`${done} of ${plan.length} changes made; failed: ${describeStep(plan[done] as Step)}`);
    throw thrown;
  }
  answer(shell, plan, done);
}

/** A new organization's contents can only be created with its first admin token: refuses a plan whose `token` is another. */
function refuseUnreachable(plan: readonly Step[]): void {
  for (const step of plan) {
    if (step.do !== "organization.create" || !needsItsOwnToken(step.declared)) continue;
    const { credential } = step.declared;
    const isAdmin =
      credential !== undefined && createHash("sha256").update(credential).digest("hex") === step.admin.sha256;
    if (isAdmin) continue;
    const first = `its first admin token, "${step.admin.name}"`;
    throw new AppError("conflict", `${step.org}: \`token\` must be the key of ${first}, which creates its contents`);
  }
}

/** Whether it declares more than its first admin token. */
function needsItsOwnToken(declared: DeclaredOrganization): boolean {
  const { projects, webhooks, tokens = [] } = declared;
  return (
    hasContents({ projects: projects ?? [], webhooks: webhooks ?? [] }) &&
    sizeOf(projects, webhooks) + tokens.length > 1
  );
}

function sizeOf(...lists: readonly (readonly unknown[] | undefined)[]): number {
  return lists.reduce((sum, list) => sum + (list?.length ?? 0), 0);
}

function describePlan(plan: readonly Step[]): string {
  return plan.map((step) => `${describeStep(step)}\n`).join("");
}

function answer(shell: Shell, plan: readonly Step[], applied: number): void {
  const removals = plan.filter(isRemoval).length;
  const summary = `${plan.length} changes, ${removals} of them removals; ${applied} made\n`;
  shell.answer(
    () => JSON.stringify({ changes: plan.map((step) => ({ do: step.do, text: describeStep(step) })), applied }),
    () => (plan.length === 0 ? "nothing to change\n" : summary),
  );
}

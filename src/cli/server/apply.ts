import { createHash } from "node:crypto";
import type { Command } from "commander";
import { AppError } from "../../core/error.js";
import { hasContents, type DeclaredOrganization } from "../../provision/declaration.js";
import { executePlan } from "../../provision/execute.js";
import { planChanges } from "../../provision/plan.js";
import { inOneForm } from "../../provision/names.js";
import { describeStep, isRemoval, type Step } from "../../provision/step.js";
import { UsageError } from "../shell/cli-error.js";
import { readDeclaration } from "../shell/declaration-file.js";
import { ApiTarget } from "./provision-api.js";
import { Session } from "../shell/session.js";
import type { Shell } from "../shell/shell.js";

interface Options {
  readonly file: string;
  readonly dryRun?: true;
  readonly yes?: true;
  readonly prune?: true;
}

const HELP = `
Compares the file with the server, shows what it would change, and changes it once that is confirmed: by --yes, or by an answer when
standard input is a terminal. The format: docs/provision.md.

  +  make    ~  change    -  take away: only with --prune, and only inside of the lists that the file has

Each line is a change of its own. When one fails, those before it stay; the same command goes on from there.
`;

/** `signet apply`: brings a server to the state that a file declares. */
export function addApply(program: Command, shell: Shell): void {
  program
    .command("apply")
    .description("bring organizations, projects, environments, webhooks and tokens to a declared state")
    .requiredOption("-f, --file <file>", ".yaml, .yml, .json, or - for standard input")
    .option("--dry-run", "only show what would change")
    .option("--yes", "do not ask")
    .option("--prune", "take away what is not declared, inside of the lists that are")
    .addHelpText("after", HELP)
    .action(async (options: Options, command: Command) => {
      const mayAsk = shell.io.isInTerminal && options.file !== "-" && !shell.json;
      if (options.dryRun !== true && options.yes !== true && !mayAsk) {
        throw new UsageError("nobody is there to be asked: say --yes, or --dry-run to see what would change");
      }
      await apply(shell, command, options);
    });
}

async function apply(shell: Shell, command: Command, { file, dryRun, yes, prune }: Options): Promise<void> {
  const declaration = await readDeclaration(shell, file, true);
  using session = Session.open(shell, command);
  const target = new ApiTarget(session.client, declaration, (token) => session.clientWith(token));
  const actual = inOneForm(await target.read());
  const plan = planChanges(declaration, actual, { prune: prune ?? false });
  refuseUnreachable(plan);
  if (!shell.json) shell.io.out(describePlan(plan));
  if (plan.length === 0 || dryRun === true) return answer(shell, plan, 0);
  if (yes !== true && !(await confirmed(shell))) throw new UsageError("not confirmed: nothing was changed");
  let done = 0;
  try {
    await executePlan(target, plan, { declaration, actual }, () => (done += 1));
  } catch (thrown) {
    shell.notice(
      `${done} of ${plan.length} changes are made; the next one failed: ${describeStep(plan[done] as Step)}`,
    );
    throw thrown;
  }
  answer(shell, plan, done);
}

/** A new organization's own token must be its first admin's: nobody else could make what is in it. */
function refuseUnreachable(plan: readonly Step[]): void {
  for (const step of plan) {
    if (step.do !== "organization.create" || !needsItsOwnToken(step.declared)) continue;
    const { credential } = step.declared;
    const isAdmin =
      credential !== undefined && createHash("sha256").update(credential).digest("hex") === step.admin.sha256;
    if (isAdmin) continue;
    const first = `its first admin token, "${step.admin.name}"`;
    throw new AppError("conflict", `${step.org}: to make what is in it, \`token\` must be the key of ${first}`);
  }
}

/** Whether there is more in it than its first admin token. */
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

async function confirmed(shell: Shell): Promise<boolean> {
  shell.io.err("Apply? [y/N] ");
  const decoder = new TextDecoder();
  let answer = "";
  for await (const chunk of shell.io.stdin) {
    answer += decoder.decode(chunk, { stream: true });
    if (answer.includes("\n")) break;
  }
  return /^y(es)?\s*$/i.test(answer.split("\n")[0] ?? "");
}

function answer(shell: Shell, plan: readonly Step[], applied: number): void {
  const removals = plan.filter(isRemoval).length;
  const summary = `${plan.length} changes, ${removals} of them removals; ${applied} made\n`;
  shell.answer(
    () => JSON.stringify({ changes: plan.map((step) => ({ do: step.do, text: describeStep(step) })), applied }),
    () => (plan.length === 0 ? "nothing to change\n" : summary),
  );
}

import { Option, type Command } from "commander";
import { formatMessage, type PruneBundlesResponse } from "../../sdk/index.js";
import { wholeNumber } from "../shell/numbers.js";
import { Session } from "../shell/session.js";
import type { Shell } from "../shell/shell.js";
import { formatTable } from "../shell/table.js";

interface Options {
  readonly env?: string;
  readonly keepNewest: number;
  readonly keepDays: number;
  readonly keepProductionDays: number;
  readonly production?: string[];
  readonly yes?: true;
}

const HELP = `
A version goes only when no rule keeps it: it is not active, not among the newest, and was neither published nor active in the last
days. Version numbers are never used again; activations and the audit stay. Without --yes nothing is deleted: the plan is shown.`;

/** `signet prune`: deletes old versions. */
export function addPrune(program: Command, shell: Shell): void {
  program
    .command("prune")
    .description("delete old versions that nothing needs, of the project or of --env; shows a plan unless --yes")
    .option("--keep-newest <count>", "of each environment the newest so many stay", wholeNumber(1, 100_000), 100)
    .option("--keep-days <days>", "what was published or active within so many days stays", wholeNumber(1, 36_500), 30)
    .option("--keep-production-days <days>", "the same in production", wholeNumber(1, 36_500), 365)
    .option("--production <names...>", "the production environments (those that promote to nothing)")
    .addOption(new Option("--dry-run", "only show the plan, as without --yes").conflicts("yes"))
    .option("--yes", "delete")
    .addHelpText("after", HELP)
    .action(async (_options: unknown, command: Command) => {
      const { env, production = [], yes, ...keep } = command.optsWithGlobals<Options>();
      using session = Session.open(shell, command);
      const { keepNewest, keepDays, keepProductionDays } = keep;
      const rules = {
        keepNewest,
        keepDays,
        keepProductionDays,
        production,
        ...(env === undefined ? {} : { envName: env }),
      };
      const request = { ...(await session.project()), ...rules, dryRun: yes !== true };
      for (let more = true; more;) {
        const report = await session.client.bundles.pruneBundles(request);
        shell.answer(
          () => formatMessage(report),
          () => tableOf(report, shell.color),
        );
        ({ more } = report);
      }
      if (yes !== true) shell.notice("nothing was deleted: this is what --yes would delete");
    });
}

function tableOf({ environments, dryRun }: PruneBundlesResponse, color: boolean): string {
  return formatTable(
    environments,
    [
      ["ENVIRONMENT", ({ environment, production }) => (production ? `${environment} (production)` : environment)],
      [dryRun ? "WOULD DELETE" : "DELETED", ({ deleted }) => deleted],
      ["STAY", ({ kept }) => kept],
      ["VERSIONS", ({ versions }) => shownRanges(versions)],
    ],
    color,
  );
}

/** The first few: the rest is in the JSON. */
function shownRanges(versions: PruneBundlesResponse["environments"][number]["versions"]): string {
  const texts = versions.map(({ first, last }) => (first === last ? String(first) : `${first}-${last}`));
  return texts.length > 8 ? `${texts.slice(0, 8).join(", ")}, …` : texts.join(", ");
}

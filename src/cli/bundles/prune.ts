import { Option, type Command } from "commander";
import { defined } from "../../core/defined.js";
import { formatMessage, type PruneBundlesResponse } from "../../sdk/index.js";
import { UsageError } from "../shell/cli-error.js";
import { asked, canAsk } from "../shell/confirmation.js";
import { examples } from "../shell/help.js";
import { wholeNumber } from "../shell/numbers.js";
import { inSession } from "../shell/session.js";
import type { Shell } from "../shell/shell.js";
import { formatTable, type TableStyle } from "../shell/table.js";

interface Options {
  readonly keepNewest: number;
  readonly keepDays: number;
  readonly keepProductionDays: number;
  readonly production?: string[];
  readonly dryRun?: true;
  readonly yes?: true;
}

const HELP = `
A version is deleted only if no rule keeps it: it is not active, not among the newest, and was neither published nor active recently.
Version numbers are never used again; deployments and the audit log stay. Without --yes the plan is shown, and on a terminal you are
asked whether to carry it out.
`;

/** `signet prune`: deletes old versions. */
export function addPrune(program: Command, shell: Shell): void {
  program
    .command("prune")
    .description("delete old versions of a project, or of --env only, after showing them")
    .option("--keep-newest <count>", "keep this many versions of each environment", wholeNumber(1, 100_000), 100)
    .option("--keep-days <days>", "keep versions published or active within this many days", wholeNumber(0, 36_500), 30)
    .option("--keep-production-days <days>", "the same for production environments", wholeNumber(0, 36_500), 365)
    .option("--production <names...>", "production environments (default: those that promote to no other)")
    .addOption(new Option("--dry-run", "only show the plan").conflicts("yes"))
    .option("--yes", "delete without asking")
    .addHelpText(
      "after",
      HELP + examples("signet prune --keep-newest 50", "signet prune --env dev --keep-days 7 --yes"),
    )
    .action(
      inSession(shell, async (session, options: Options) => {
        const { production = [], yes, keepNewest, keepDays, keepProductionDays } = options;
        const rules = { keepNewest, keepDays, keepProductionDays, production };
        const envName = session.options.env;
        const request = { ...(await session.project()), ...rules, ...defined({ envName }) };
        const prune = async (dryRun: boolean) => {
          let found = 0;
          // One call deletes a bounded number of versions.
          for (let more = true; more;) {
            const report = await session.client.bundles.pruneBundles({ ...request, dryRun });
            shell.answer(
              () => formatMessage(report),
              () => tableOf(report, shell.tableStyle),
            );
            ({ more } = report);
            found += report.environments.reduce((sum, { deleted }) => sum + deleted, 0);
          }
          return found;
        };
        if (yes === true) return void (await prune(false));
        const found = await prune(true);
        const asks = options.dryRun !== true && canAsk(shell) && found > 0;
        if (!asks) shell.notice("nothing was deleted: pass --yes to delete these versions");
        else if (await asked(shell, "Delete these versions?")) await prune(false);
        else throw new UsageError("not confirmed: nothing was deleted");
      }),
    );
}

function tableOf({ environments, dryRun }: PruneBundlesResponse, style: TableStyle): string {
  return formatTable(
    environments,
    [
      ["ENVIRONMENT", ({ environment, production }) => (production ? `${environment} (production)` : environment)],
      [dryRun ? "WOULD DELETE" : "DELETED", ({ deleted }) => deleted],
      ["KEPT", ({ kept }) => kept],
      ["VERSIONS", ({ versions }) => shownRanges(versions)],
    ],
    style,
  );
}

/** The first eight ranges; --json has all. */
function shownRanges(versions: PruneBundlesResponse["environments"][number]["versions"]): string {
  const texts = versions.map(({ first, last }) => (first === last ? String(first) : `${first}-${last}`));
  return texts.length > 8 ? `${texts.slice(0, 8).join(", ")}, …` : texts.join(", ");
}

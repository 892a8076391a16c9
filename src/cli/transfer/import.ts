import type { Command } from "commander";
import { defined } from "../../core/defined.js";
import { line } from "../../core/printable.js";
import { formatMessages, SignetError, type ImportBundleResponse } from "../../sdk/index.js";
import { withReason, type ReasonOption } from "../shell/confirmation.js";
import { examples } from "../shell/help.js";
import { inSession, type EnvironmentPath, type Session } from "../shell/session.js";
import type { Shell } from "../shell/shell.js";
import { patiently } from "./patiently.js";
import { openExportFile, type ExportedVersion } from "./export-file.js";

interface Options extends ReasonOption {
  readonly dryRun?: true;
  readonly activate?: true;
  readonly importedBy?: string;
}

const HELP = `
The server verifies everything by the keys of its trusted origins (signet trust-origin) and publishes each version as the next one of
the environment, signed with its own key. A file is refused as a whole, with exit code 8, before anything is imported. The same file
again imports what is missing, and nothing that is there. With --activate the version becomes active that was active at the other site;
the newest one of the file, if none was.`;

/** `signet import`: publishes the versions of an exported file. */
export function addImport(program: Command, shell: Shell): void {
  withReason(program.command("import"), "kept in history and audit, told to webhooks")
    .description("publish the versions of an exported file, not active unless asked")
    .argument("<file>", "file that signet export wrote")
    .option("--dry-run", "verify and check everything, and change nothing")
    .option("--activate", "make the version active that was active at the other site")
    .option("--imported-by <name>", "free text: person or system that imports")
    .addHelpText("after", HELP)
    .addHelpText(
      "after",
      examples(
        "signet import prod.tar --env prod --dry-run",
        'signet import prod.tar --env prod --activate --reason "release 12"',
      ),
    )
    .action(inSession(shell, (session, file: string, options: Options) => importFile(session, shell, file, options)));
}

async function importFile(session: Session, shell: Shell, path: string, options: Options): Promise<void> {
  // Before any call: a damaged file is reported without a server.
  await using file = await openExportFile(path);
  await session.inEnvironment(async (environment) => {
    const toActivate = options.activate ? activeOf(file.versions) : undefined;
    const importOne = async (version: ExportedVersion, dryRun: boolean) => {
      const request = {
        ...environment,
        document: await version.document(),
        provenance: version.provenance,
        activate: version === toActivate,
        dryRun,
        ...defined({ reason: options.reason, importedBy: options.importedBy }),
      };
      return await patiently(shell, () => session.client.transfers.importBundle(request));
    };
    const each = async (doing: string, dryRun: boolean): Promise<readonly ImportBundleResponse[]> => {
      const responses: ImportBundleResponse[] = [];
      for (const [index, version] of file.versions.entries()) {
        if (file.versions.length > 1) shell.progress(`${doing} ${index + 1} of ${file.versions.length}`);
        responses.push(await importOne(version, dryRun));
      }
      return responses;
    };
    // A single version is refused or imported in one transaction.
    if (options.dryRun || file.versions.length > 1) {
      const checked = await each("verifying version", true);
      requireQuota(checked, environment);
      if (options.dryRun) return answer(shell, environment, checked);
    }
    answer(shell, environment, await each("importing version", false));
  });
}

/** The version that was active at the other site, else the newest of the file. */
function activeOf(versions: readonly ExportedVersion[]): ExportedVersion | undefined {
  return versions.find(({ claimed }) => claimed.bundle.isActive) ?? versions.at(-1);
}

/** Each dry run sees room for one more version only. */
function requireQuota(checked: readonly ImportBundleResponse[], { envName }: EnvironmentPath): void {
  const wanted = checked.filter(({ alreadyImported }) => !alreadyImported).length;
  const left = Math.min(...checked.map(({ versionsLeft }) => versionsLeft ?? Infinity));
  if (wanted <= left) return;
  throw new SignetError(
    "quota_exceeded",
    `the plan allows ${left} more versions in "${envName}", and ${wanted} are new`,
  );
}

function answer(shell: Shell, { envName }: EnvironmentPath, responses: readonly ImportBundleResponse[]): void {
  shell.answer(
    () => formatMessages(responses),
    () => responses.map((response) => inWords(response, envName)).join(""),
  );
}

function inWords(
  { bundle, alreadyImported, dryRun, scopePoliciesRewritten, origin }: ImportBundleResponse,
  envName: string,
) {
  const from = line`version ${origin?.version ?? 0} of ${origin?.environment ?? ""} at ${origin?.name ?? ""}`;
  const version = bundle?.version ?? 0;
  const active = bundle?.isActive ? "active" : `not active: signet activate ${version} --env ${envName} activates it`;
  if (alreadyImported) return line`${from}: imported before as version ${version} of ${envName}, ${active}\n`;
  const rewritten = scopePoliciesRewritten
    ? line`  scope policies of "${origin?.environment ?? ""}" are now of "${envName}": the policy hash is another one\n`
    : "";
  if (dryRun) return line`${from}: verified; would be imported to ${envName}\n` + rewritten;
  return line`${from}: imported as version ${version} of ${envName}, ${active}\n` + rewritten;
}

import type { Command } from "commander";
import { line, printable } from "../../core/printable.js";
import type { Key } from "../../sdk/index.js";
import { UsageError } from "../shell/cli-error.js";
import { examples } from "../shell/help.js";
import { wholeNumber } from "../shell/numbers.js";
import { inSession, type EnvironmentPath, type Session } from "../shell/session.js";
import type { Shell } from "../shell/shell.js";
import { formatFacts } from "../shell/table.js";
import { streamFileAtomically } from "../shell/text-files.js";
import { writeExport, type ExportSource } from "./export-writer.js";
import { patiently } from "./patiently.js";
import { chosenVersions, type VersionChoice } from "./exported-versions.js";
import type { Sink } from "./tar-writer.js";

interface Options extends VersionChoice {
  readonly output: string;
}

const HELP = `
Writes one file, an OCI image layout as a tar archive, that signet import takes on a server which never meets this one: the signed
documents, the public keys, and for each version a signed provenance. The same versions in the same state are the same bytes.`;

/** `signet export`: writes versions of an environment to a file for another site. */
export function addExport(program: Command, shell: Shell): void {
  program
    .command("export")
    .description("write versions of an environment to a file, for a server that never meets this one")
    .requiredOption("-o, --output <file>", "file to write, or - for standard output")
    .option("--version <version>", "this version instead of the active one", wholeNumber(1))
    .option("--all", "all versions that are kept")
    .option("--since <sequence>", "the versions that were activated after this sequence", wholeNumber(0))
    .addHelpText("after", HELP)
    .addHelpText(
      "after",
      examples("signet export --env prod -o prod.tar", "signet export --env prod --since 40 -o prod-since-40.tar"),
    )
    .action(inSession(shell, (session, options: Options) => exportVersions(session, shell, options)));
}

async function exportVersions(session: Session, shell: Shell, { output, ...choice }: Options): Promise<void> {
  if (output === "-" && shell.io.isTerminal) {
    throw new UsageError("standard output is a terminal: pass -o <file>, or redirect it");
  }
  await session.inEnvironment(async (environment) => {
    const versions = await chosenVersions(session, environment, choice);
    const source = sourceOf(session, shell, environment, versions);
    const write = (sink: Sink) => writeExport(source, environment.envName, sink);
    const { size, sha256 } =
      output === "-" ? await write((bytes) => shell.io.outBytes(bytes)) : await streamFileAtomically(output, write);
    if (output === "-") {
      shell.notice(
        `exported version ${versions.join(", ")} of ${environment.envName}: ${size} bytes, SHA-256 ${sha256}`,
      );
      return;
    }
    shell.answer(
      () => JSON.stringify({ file: output, environment: environment.envName, versions, size, sha256 }),
      () =>
        line`exported ${environment.envName} to ${output}\n` +
        formatFacts([
          [versions.length === 1 ? "version" : "versions", rangesOf(versions)],
          ["bytes", size],
          ["SHA-256", sha256],
        ]),
    );
  });
}

function sourceOf(
  session: Session,
  shell: Shell,
  environment: EnvironmentPath,
  versions: readonly number[],
): ExportSource {
  const { bundles, transfers } = session.client;
  const keyIds = new Set<string>();
  let done = 0;
  return {
    versions,
    async document(version) {
      done += 1;
      if (versions.length > 1) shell.progress(`version ${version} (${done} of ${versions.length})`);
      const { document } = await patiently(shell, () => bundles.getBundleDocument({ ...environment, version }));
      // Documents end with the id of their key.
      const [, keyId] = /"key_id":"([0-9a-f]{16})"\}$/.exec(document) ?? [];
      if (keyId !== undefined) keyIds.add(keyId);
      return document;
    },
    async keys() {
      const { id } = await session.client.organizations.getEnvironment(environment);
      const { keys } = await bundles.listKeys({});
      const needed = keys.filter((key) => isNeeded(key, keyIds, id));
      return needed.map(({ publicKeyPem }) => publicKeyPem).join("");
    },
    async provenance(version, { digest, position, size }) {
      const set = { setDigest: digest, setPosition: position, setSize: size };
      const request = { ...environment, version, ...set, withoutDocument: true };
      return (await patiently(shell, () => transfers.exportBundle(request))).provenance;
    },
  };
}

/** The keys of the documents, and the current ones of the environment and its organization. */
function isNeeded(key: Key, keyIds: ReadonlySet<string>, environmentId: string): boolean {
  if (key.purpose !== "bundles") return false;
  const isIts = key.environmentId === undefined || key.environmentId === environmentId;
  return keyIds.has(key.keyId) || (key.isCurrent && isIts);
}

/** `1, 3-5`. */
export function rangesOf(versions: readonly number[]): string {
  const ranges: [first: number, last: number][] = [];
  for (const version of versions) {
    const last = ranges.at(-1);
    if (last !== undefined && last[1] === version - 1) last[1] = version;
    else ranges.push([version, version]);
  }
  return printable(ranges.map(([first, last]) => (first === last ? `${first}` : `${first}-${last}`)).join(", "));
}

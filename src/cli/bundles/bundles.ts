import type { Command } from "commander";
import { line } from "../../core/printable.js";
import { parseExactJson, printExactJson } from "../../bundle/exact-json.js";
import { formatMessage, formatMessages } from "../../sdk/index.js";
import { bundleFacts } from "./bundle-output.js";
import { countingTotal, noticeMore } from "../shell/lists.js";
import { wholeNumber } from "../shell/numbers.js";
import { Session } from "../shell/session.js";
import type { Shell } from "../shell/shell.js";
import { formatFacts, formatTable, formatTime } from "../shell/table.js";
import { writeFileAtomically } from "../shell/text-files.js";

interface ListOptions {
  readonly limit: number;
  readonly before?: number;
}

/** `signet bundles`: the versions of an environment. */
export function addBundles(program: Command, shell: Shell): void {
  const bundles = program.command("bundles").description("list, show and delete the versions of an environment");
  bundles
    .command("list", { isDefault: true })
    .description("list them, newest first")
    .option("--limit <count>", "at most so many", wholeNumber(1, 1000), 25)
    .option("--before <version>", "only versions below this one", wholeNumber(1))
    .action((options: ListOptions, command: Command) => list(shell, options, command));
  bundles
    .command("get")
    .description("show one version with its policies")
    .argument("<version>", "its number", wholeNumber(1))
    .action((version: number, _options: unknown, command: Command) => get(shell, version, command));
  bundles
    .command("document")
    .description("write the signed document of one version, exactly as runtimes get it")
    .argument("<version>", "its number", wholeNumber(1))
    .option("--out <file>", "write it to a file instead of standard output")
    .action((version: number, options: { out?: string }, command: Command) =>
      document(shell, version, options, command),
    );
  bundles
    .command("delete")
    .description("delete a version that is not active; its number is never used again")
    .argument("<version>", "its number", wholeNumber(1))
    .action((version: number, _options: unknown, command: Command) => remove(shell, version, command));
}

async function list(shell: Shell, { limit, before }: ListOptions, command: Command): Promise<void> {
  using session = Session.open(shell, command);
  const counting = countingTotal();
  const below = before === undefined ? {} : { beforeVersion: before };
  const { bundles } = await session.inEnvironment((environment) =>
    session.client.bundles.listBundles({ ...environment, limit, ...below }, counting),
  );
  shell.answer(
    () => formatMessages(bundles),
    () =>
      formatTable(
        bundles,
        [
          ["VERSION", ({ version }) => version],
          ["ACTIVE", ({ isActive }) => (isActive ? "*" : " ")],
          ["SEQUENCE", ({ sequence }) => sequence],
          ["ORIGIN", ({ origin }) => origin],
          ["PUBLISHED", ({ publishedAt }) => formatTime(publishedAt)],
          ["BY", ({ publishedBy }) => publishedBy],
          ["POLICY HASH", ({ policyHash }) => policyHash.slice(0, 19)],
          ["TITLE", ({ title }) => title],
        ],
        shell.color,
      ),
  );
  if (before === undefined) noticeMore(shell, bundles.length, counting.total(), "--limit or --before");
}

async function get(shell: Shell, version: number, command: Command): Promise<void> {
  using session = Session.open(shell, command);
  const bundle = await session.inEnvironment((environment) =>
    session.client.bundles.getBundle({ ...environment, version }),
  );
  const pretty = (text: string) => `${printExactJson(parseExactJson(text), 2)}\n`;
  shell.answer(
    () => formatMessage(bundle),
    () => {
      const facts = formatFacts([...bundleFacts(bundle), ["key", bundle.keyId]]);
      const scoped = bundle.scopePoliciesJson === "{}" ? "" : `scope policies\n${pretty(bundle.scopePoliciesJson)}`;
      return `${facts}policies\n${pretty(bundle.policiesJson)}${scoped}`;
    },
  );
}

async function document(shell: Shell, version: number, { out }: { out?: string }, command: Command): Promise<void> {
  using session = Session.open(shell, command);
  const answer = await session.inEnvironment((environment) =>
    session.client.bundles.getBundleDocument({ ...environment, version }),
  );
  if (out === undefined) {
    // To the byte, for whoever hashes it; only a terminal needs the line break.
    shell.io.out(shell.shown(shell.io.isTerminal ? `${answer.document}\n` : answer.document));
    return;
  }
  await writeFileAtomically(out, answer.document);
  shell.answer(
    () => JSON.stringify({ file: out, version }),
    () => line`wrote the document of version ${version} to ${out}\n`,
  );
}

async function remove(shell: Shell, version: number, command: Command): Promise<void> {
  using session = Session.open(shell, command);
  const envName = await session.inEnvironment(async (environment) => {
    await session.client.bundles.deleteBundle({ ...environment, version });
    return environment.envName;
  });
  shell.answer(
    () => JSON.stringify({ deleted: version }),
    () => line`deleted version ${version} of ${envName}\n`,
  );
}

import { Option, type Command } from "commander";
import { defined } from "../../core/defined.js";
import { readOpaPolicies } from "../../bundle/opa/opa-policies.js";
import { JSON_POLICIES, OPA_POLICIES } from "../../core/bundle.js";
import { line } from "../../core/printable.js";
import { parseExactJson, printExactJson } from "../../bundle/exact-json.js";
import { formatMessage, type Bundle, type ListBundlesResponse } from "../../sdk/index.js";
import { answerChange, answerRows, countingTotal, noticeMore } from "../shell/answers.js";
import type { ReasonOption } from "../shell/confirmation.js";
import { examples } from "../shell/help.js";
import { wholeNumber } from "../shell/numbers.js";
import { inSession, type Session } from "../shell/session.js";
import type { Shell } from "../shell/shell.js";
import { formatFacts, formatTime } from "../shell/table.js";
import { writeFileAtomically } from "../shell/text-files.js";
import { addOrigin } from "../transfer/origin.js";
import { writePolicies } from "../policies/write-policies.js";
import { bundleFacts, kindOf } from "./bundle-output.js";
import { formatOpaPolicies } from "./file-difference.js";
import { withBundleReason } from "./options.js";

/** `signet bundles`: the versions of an environment. */
export function addBundles(program: Command, shell: Shell): void {
  const bundles = program
    .command("bundles")
    .description("list, show and delete the versions of an environment")
    .addHelpText("after", examples("signet bundles --env staging", "signet bundles get 3 --env dev"));
  bundles
    .command("list", { isDefault: true })
    .description("list versions, newest first")
    .option("--limit <count>", "show at most this many, up to 1000", wholeNumber(1, 1000), 25)
    .option("--before <version>", "only versions below this one", wholeNumber(1))
    .option("--text <text>", "only versions with this text in title, description, publisher, labels, source or hash")
    .option("--label <key=value>", "only versions with this label")
    .option("--published-by <text>", "only versions with this text in the publisher")
    .option("--source-revision <revision>", "only versions whose source revision begins with this")
    .addOption(new Option("--kind <kind>", "only versions of this kind of policies").choices(["json", "opa"]))
    .addHelpText(
      "after",
      examples("signet bundles --env staging --limit 10", "signet bundles --env prod --text retries --label team=core"),
    )
    .action(inSession(shell, (session, options: ListOptions) => list(session, shell, options)));
  bundles
    .command("get")
    .description("show one version with its policies")
    .argument("<version>", "version number", wholeNumber(1))
    .option(
      "--output <folder>",
      "write the policies to a new folder: Rego and data under their paths, or policies.json",
    )
    .addHelpText(
      "after",
      examples("signet bundles get 3 --env dev", "signet bundles get 3 --env dev --output ./policy-3"),
    )
    .action(
      inSession(shell, (session, version: number, { output }: { output?: string }) =>
        get(session, shell, version, output),
      ),
    );
  addOrigin(bundles, shell);
  bundles
    .command("document")
    .description("write the signed document of one version, byte for byte as runtimes get it")
    .argument("<version>", "version number", wholeNumber(1))
    .option("--out <file>", "write to a file instead of standard output")
    .addHelpText("after", examples("signet bundles document 3 --env dev --out bundle.json"))
    .action(
      inSession(shell, (session, version: number, { out }: { out?: string }) => document(session, shell, version, out)),
    );
  withBundleReason(bundles.command("delete"))
    .description("delete a version that is not active; its number is never used again")
    .argument("<version>", "version number", wholeNumber(1))
    .addHelpText("after", examples('signet bundles delete 3 --env dev --reason "leaked a host name"'))
    .action(
      inSession(shell, async (session, version: number, { reason }: ReasonOption) => {
        const envName = await session.inEnvironment(async (environment) => {
          await session.client.bundles.deleteBundle({ ...environment, version, ...defined({ reason }) });
          return environment.envName;
        });
        answerChange(shell, "deleted", "version", version, ` of ${envName}`);
      }),
    );
}

interface ListOptions {
  readonly limit: number;
  readonly before?: number;
  readonly text?: string;
  readonly label?: string;
  readonly publishedBy?: string;
  readonly sourceRevision?: string;
  readonly kind?: "json" | "opa";
}

async function list(session: Session, shell: Shell, options: ListOptions): Promise<void> {
  const { limit, before, ...filter } = options;
  const counting = countingTotal();
  const isSearch = Object.keys(filter).length > 0;
  const { bundles, nextBeforeVersion: next } = await session.inEnvironment(
    (environment): Promise<Pick<ListBundlesResponse, "bundles" | "nextBeforeVersion">> =>
      isSearch
        ? search(session, environment, options)
        : session.client.bundles.listBundles(
            { ...environment, limit, ...defined({ beforeVersion: before }) },
            counting,
          ),
  );
  answerRows(shell, bundles, [
    ["VERSION", ({ version }) => version],
    ["ACTIVE", ({ isActive }) => (isActive ? "*" : " ")],
    ["SEQUENCE", ({ sequence }) => sequence],
    ["ORIGIN", ({ origin }) => origin],
    ["KIND", ({ mediaType }) => kindOf(mediaType)],
    ["PUBLISHED", ({ publishedAt }) => formatTime(publishedAt)],
    ["BY", ({ publishedBy }) => publishedBy],
    ["POLICY HASH", ({ policyHash }) => policyHash.slice(0, 19)],
    ["TITLE", ({ title }) => title],
  ]);
  if (isSearch && next !== undefined) shell.notice(`there are older versions: --before ${next} goes on`);
  // The total counts all versions, not those below `before`.
  if (before === undefined && !isSearch) noticeMore(shell, bundles.length, counting.total(), "--limit or --before");
}

/** A call looks through a bounded number of versions: goes on until there are as many as asked for, or no version is left. */
async function search(
  session: Session,
  environment: { readonly orgId: string; readonly projectId: string; readonly envName: string },
  { limit, before, kind, ...filter }: ListOptions,
): Promise<Pick<ListBundlesResponse, "bundles" | "nextBeforeVersion">> {
  const bundles: Bundle[] = [];
  let beforeVersion = before;
  for (;;) {
    const mediaType = kind === undefined ? undefined : kind === "opa" ? OPA_POLICIES : JSON_POLICIES;
    const page = { limit: limit - bundles.length, ...defined({ beforeVersion, mediaType }), ...filter };
    const answer = await session.client.bundles.listBundles({ ...environment, ...page });
    bundles.push(...answer.bundles);
    beforeVersion = answer.nextBeforeVersion;
    if (beforeVersion === undefined || bundles.length >= limit)
      return { bundles, ...defined({ nextBeforeVersion: beforeVersion }) };
  }
}

async function get(session: Session, shell: Shell, version: number, output: string | undefined): Promise<void> {
  const bundle = await session.inEnvironment((environment) =>
    session.client.bundles.getBundle({ ...environment, version }),
  );
  if (output !== undefined) {
    const files = await writePolicies(output, bundle);
    const { mediaType: media_type } = bundle;
    shell.answer(
      () => JSON.stringify({ folder: output, version, media_type, files }),
      () => line`wrote ${files.length} ${files.length === 1 ? "file" : "files"} of version ${version} to ${output}\n`,
    );
    return;
  }
  const pretty = (text: string) => `${printExactJson(parseExactJson(text), 2)}\n`;
  shell.answer(
    () => formatMessage(bundle),
    () => {
      const facts = formatFacts([...bundleFacts(bundle), ["key", bundle.keyId]]);
      if (bundle.mediaType === OPA_POLICIES) return facts + formatOpaPolicies(readOpaPolicies(bundle.policiesJson));
      const scoped = bundle.scopePoliciesJson === "{}" ? "" : `scope policies\n${pretty(bundle.scopePoliciesJson)}`;
      return `${facts}policies\n${pretty(bundle.policiesJson)}${scoped}`;
    },
  );
}

async function document(session: Session, shell: Shell, version: number, out: string | undefined): Promise<void> {
  const answer = await session.inEnvironment((environment) =>
    session.client.bundles.getBundleDocument({ ...environment, version }),
  );
  if (out === undefined) {
    // Byte for byte, so that its hash and signature can be checked; only a terminal gets a line break.
    shell.io.out(shell.shown(shell.io.isTerminal ? `${answer.document}\n` : answer.document));
    return;
  }
  await writeFileAtomically(out, answer.document);
  shell.answer(
    () => JSON.stringify({ file: out, version }),
    () => line`wrote the document of version ${version} to ${out}\n`,
  );
}

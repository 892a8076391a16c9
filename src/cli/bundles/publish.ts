import { InvalidArgumentError, type Command } from "commander";
import { defined } from "../../core/defined.js";
import type { ChangeGuards } from "../../sdk/index.js";
import type { ReasonOption } from "../shell/confirmation.js";
import { examples } from "../shell/help.js";
import { OPA_HELP, readPolicies, withPolicyKind, type KindOptions } from "../policies/policies.js";
import { UsageError } from "../shell/cli-error.js";
import { readPolicyFile } from "../shell/policy-file.js";
import { checkWait, WAIT_HELP, waitIfAsked, withWait, type WaitOptions } from "../shell/rollout-wait.js";
import { Session } from "../shell/session.js";
import { readTextFile } from "../shell/text-files.js";
import type { Shell } from "../shell/shell.js";
import { answerBundle } from "./bundle-output.js";
import { previewedFiles } from "./file-difference.js";
import {
  guardedBy,
  POLICY_HELP,
  policyReading,
  scopeReading,
  withGuards,
  withPolicyReading,
  withPreview,
  withBundleReason,
  type PolicyOptions,
  type PreviewOptions,
} from "./options.js";

interface Options extends KindOptions, PolicyOptions, PreviewOptions, ChangeGuards, ReasonOption, WaitOptions {
  readonly file?: string;
  readonly scopePolicies?: string;
  readonly title?: string;
  readonly description?: string;
  readonly label?: Readonly<Record<string, string>>;
  readonly publishedBy?: string;
  readonly sourceRepository?: string;
  readonly sourceRevision?: string;
  readonly sourceUrl?: string;
  readonly release?: string;
  readonly activate: boolean;
}

/** `signet publish`: signs a policy document as the next version of an environment, and activates it. */
export function addPublish(program: Command, shell: Shell): void {
  withWait(withBundleReason(withPolicyKind(withPolicyReading(withPreview(withGuards(program.command("publish")))))))
    .description("publish a policy document, or a folder of Rego for OPA, to an environment")
    .argument("[path]", "the same as --file")
    .option(
      "-f, --file <file>",
      "policies: .json, .yaml, .yml, a folder, .tar, .tar.gz, .rego, or - for standard input",
    )
    .option("--scope-policies <file>", "policies for single tenants, apps, agents and environments")
    .option("--title <text>", "short title")
    .option("--description <text>", "description of the change")
    .option("--label <key=value>", "label; may be repeated", addLabel)
    .option("--published-by <name>", "free text: person or system that publishes")
    .option("--source-repository <repository>", "repository of the document")
    .option("--source-revision <revision>", "revision of the document, for example a commit")
    .option("--source-url <url>", "link to the change, for example a pull request")
    .option("--release <file>", "release of the content, signed by its authors (signet release sign)")
    .option("--no-activate", "sign and keep the version without activating it")
    .addHelpText("after", `${POLICY_HELP}\n${OPA_HELP.trimStart()}` + WAIT_HELP.trimEnd())
    .addHelpText(
      "after",
      examples(
        "signet publish --env dev -f policy.yaml",
        "signet publish --env dev -f policy.json --title v2 --if-match 4",
        "signet publish --env prod -f policy.yaml --dry-run",
        "signet publish --env dev -f policy.yaml --release release.json",
        "signet publish --env dev ./policy-dir",
        "signet publish --env dev -f bundle.tar.gz --opa-root authz",
      ),
    )
    .action(async (path: string | undefined, options: Options, command: Command) => {
      const file = fileOf(path, options);
      checkWait(options, options.activate && options.dryRun !== true);
      // Before the session: a file that cannot be used is reported without a token or a server.
      const given = await readPolicies(shell, file, policyReading(options), options);
      const scoped = options.scopePolicies;
      const scopePolicies =
        scoped === undefined ? undefined : await readPolicyFile(scoped, shell.io, scopeReading(options));
      const release = options.release === undefined ? undefined : await readTextFile(options.release, shell.io);
      using session = Session.open(shell, command);
      await session.inEnvironment(async (environment) => {
        const request = { ...environment, ...given, ...defined({ scopePolicies, release }), ...metadataOf(options) };
        const bundle = await session.client.bundles.publishBundle(request, guardedBy(options));
        const files = await previewedFiles({ shell, session }, bundle, environment, given);
        const done = options.activate ? "published and activated" : "published";
        answerBundle(shell, done, environment.envName, bundle, files);
        await waitIfAsked({ shell, session, environment, sequence: bundle.sequence }, options);
      });
    });
}

function fileOf(path: string | undefined, { file }: Options): string {
  if (path !== undefined && file !== undefined)
    throw new UsageError("pass the policies either by --file or as an argument");
  const given = path ?? file;
  if (given === undefined)
    throw new UsageError("no policies given: pass a file or a folder, by --file or as an argument");
  return given;
}

function metadataOf(options: Options) {
  const { publishedBy, title, description, reason, sourceRepository, sourceRevision, sourceUrl } = options;
  const hasSource = [sourceRepository, sourceRevision, sourceUrl].some((part) => part !== undefined);
  const source = { repository: sourceRepository ?? "", revision: sourceRevision ?? "", url: sourceUrl ?? "" };
  return {
    labels: { ...options.label },
    activate: options.activate,
    dryRun: options.dryRun === true,
    ...defined({ publishedBy, title, description, reason, source: hasSource ? source : undefined }),
  };
}

function addLabel(text: string, labels: Readonly<Record<string, string>> = {}): Record<string, string> {
  const [, key, value] = /^([^=]+)=([^]*)$/.exec(text) ?? [];
  if (key === undefined || value === undefined) throw new InvalidArgumentError("It must be key=value.");
  if (Object.hasOwn(labels, key)) throw new InvalidArgumentError(`The label ${key} is given twice.`);
  return Object.fromEntries([...Object.entries(labels), [key, value]]);
}

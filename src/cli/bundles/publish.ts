import { InvalidArgumentError, type Command } from "commander";
import { answerBundle } from "./bundle-output.js";
import {
  guardedBy,
  POLICY_HELP,
  type PolicyOptions,
  policyReading,
  scopeReading,
  withGuards,
  withPolicyOptions,
} from "./options.js";
import { readPolicyFile } from "../shell/policy-file.js";
import { Session } from "../shell/session.js";
import type { Shell } from "../shell/shell.js";

interface Options extends PolicyOptions {
  readonly file: string;
  readonly scopePolicies?: string;
  readonly title?: string;
  readonly description?: string;
  readonly label: Readonly<Record<string, string>>;
  readonly publishedBy?: string;
  readonly sourceRepository?: string;
  readonly sourceRevision?: string;
  readonly sourceUrl?: string;
  readonly activate: boolean;
  readonly ifMatch?: number;
  readonly idempotencyKey?: string;
}

/** `signet publish`: keeps a policy document as the next version of an environment, signs it, and makes it active. */
export function addPublish(program: Command, shell: Shell): void {
  withPolicyOptions(withGuards(program.command("publish")))
    .description("publish a policy document to an environment")
    .requiredOption("-f, --file <file>", "the document: .json, .yaml, .yml, or - for standard input")
    .option("--scope-policies <file>", "policies for single tenants, apps, agents and environments")
    .option("--title <text>", "a short title")
    .option("--description <text>", "what changed and why")
    .option("--label <key=value>", "a label; may be repeated", addLabel, {})
    .option("--published-by <who>", "who publishes, in your words")
    .option("--source-repository <repository>", "where the document comes from")
    .option("--source-revision <revision>", "for example a commit")
    .option("--source-url <url>", "for example of a pull request")
    .option("--no-activate", "only keep and sign it")
    .addHelpText("after", POLICY_HELP)
    .action(async (options: Options, command: Command) => {
      const policies = await readPolicyFile(options.file, shell.io, policyReading(options));
      const scoped = options.scopePolicies;
      const scopePolicies =
        scoped === undefined ? {} : { scopePolicies: await readPolicyFile(scoped, shell.io, scopeReading(options)) };
      using session = Session.open(shell, command);
      await session.inEnvironment(async (environment) => {
        const request = { ...environment, policies, ...scopePolicies, ...metadataOf(options) };
        const bundle = await session.client.bundles.publishBundle(request, guardedBy(options));
        answerBundle(shell, options.activate ? "published and activated" : "published", environment.envName, bundle);
      });
    });
}

function metadataOf(options: Options) {
  const { publishedBy, title, description, sourceRepository, sourceRevision, sourceUrl } = options;
  const hasSource = [sourceRepository, sourceRevision, sourceUrl].some((part) => part !== undefined);
  const source = { repository: sourceRepository ?? "", revision: sourceRevision ?? "", url: sourceUrl ?? "" };
  return {
    labels: { ...options.label },
    activate: options.activate,
    ...(publishedBy === undefined ? {} : { publishedBy }),
    ...(title === undefined ? {} : { title }),
    ...(description === undefined ? {} : { description }),
    ...(hasSource ? { source } : {}),
  };
}

function addLabel(text: string, labels: Readonly<Record<string, string>>): Record<string, string> {
  const [, key, value] = /^([^=]+)=([^]*)$/.exec(text) ?? [];
  if (key === undefined || value === undefined) throw new InvalidArgumentError("It must be key=value.");
  if (Object.hasOwn(labels, key)) throw new InvalidArgumentError(`The label ${key} is there twice.`);
  return Object.fromEntries([...Object.entries(labels), [key, value]]);
}

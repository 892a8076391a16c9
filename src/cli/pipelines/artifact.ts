import type { Command } from "commander";
import { line } from "../../core/printable.js";
import { parseExactJson, printExactJson } from "../../bundle/exact-json.js";
import { changeHeaders, formatMessage, type Artifact } from "../../sdk/index.js";
import { bundleFacts } from "../bundles/bundle-output.js";
import {
  guardedBy,
  POLICY_HELP,
  type PolicyOptions,
  policyReading,
  withGuards,
  withPolicyOptions,
} from "../bundles/options.js";
import { noticeMore } from "../shell/lists.js";
import { wholeNumber } from "../shell/numbers.js";
import { readPolicyFile } from "../shell/policy-file.js";
import { Session } from "../shell/session.js";
import type { GlobalOptions, Shell } from "../shell/shell.js";
import { formatFacts, formatTable, formatTime } from "../shell/table.js";

interface CreateOptions extends PolicyOptions {
  readonly file: string;
  readonly name?: string;
  readonly idempotencyKey?: string;
}

interface ListOptions extends GlobalOptions {
  readonly status?: string;
  readonly limit: number;
  readonly offset: number;
}

interface PromoteOptions {
  readonly title?: string;
  readonly description?: string;
  readonly ifMatch?: number;
  readonly idempotencyKey?: string;
}

/** `signet artifact`: policy documents that are kept before they are published. */
export function addArtifact(program: Command, shell: Shell): void {
  const artifact = program
    .command("artifact")
    .description("hand in drafts of policy documents, list and delete them, and promote one to its project");
  artifact
    .command("list", { isDefault: true })
    .description("list them, newest first; with --project those of one project")
    .option("--status <status>", "draft or promoted")
    .option("--limit <n>", "1 to 100", wholeNumber(1, 100), 25)
    .option("--offset <n>", "how many to skip", wholeNumber(0), 0)
    .action(async (_options: unknown, command: Command) => {
      using session = Session.open(shell, command);
      const { project, status, limit, offset } = command.optsWithGlobals<ListOptions>();
      const filter = {
        ...(project === undefined ? {} : { projectId: await session.projectId(project) }),
        ...(status === undefined ? {} : { status }),
      };
      const listed = await session.client.artifacts.listArtifacts({ ...filter, limit, offset });
      answerArtifacts(shell, listed.data, () => formatMessage(listed));
      noticeMore(shell, offset + listed.data.length, listed.total, "--limit or --offset");
    });
  withPolicyOptions(artifact.command("create"))
    .description("keep a document as a draft of the project; YAML is converted, as publish does")
    .requiredOption("-f, --file <file>", "the document: .json, .yaml, .yml, or - for standard input")
    .option("--name <name>", "what to call it")
    .option("--idempotency-key <key>", "a retry with the same key within 24 hours answers the first result")
    .addHelpText("after", POLICY_HELP)
    .action(async (options: CreateOptions, command: Command) => {
      const { file, name, idempotencyKey } = options;
      const policies = await readPolicyFile(file, shell.io, policyReading(options));
      using session = Session.open(shell, command);
      const request = { projectId: await session.projectId(), policies, ...(name === undefined ? {} : { name }) };
      const headers = changeHeaders({ idempotencyKey });
      const made = await session.client.artifacts.createArtifact(request, { headers });
      answerArtifacts(shell, [made], () => formatMessage(made));
    });
  artifact
    .command("get")
    .description("show one with its policies")
    .argument("<id>", "its UUID")
    .action(async (artifactId: string, _options: unknown, command: Command) => {
      using session = Session.open(shell, command);
      const shown = await session.client.artifacts.getArtifact({ artifactId });
      shell.answer(
        () => formatMessage(shown),
        () => `${formatFacts(artifactFacts(shown))}\n${printExactJson(parseExactJson(shown.policies), 2)}\n`,
      );
    });
  artifact
    .command("delete")
    .description("delete one; the bundle that it was promoted to stays")
    .argument("<id>", "its UUID")
    .action(async (artifactId: string, _options: unknown, command: Command) => {
      using session = Session.open(shell, command);
      await session.client.artifacts.deleteArtifact({ artifactId });
      shell.answer(
        () => JSON.stringify({ deleted: artifactId }),
        () => line`deleted artifact ${artifactId}\n`,
      );
    });
  withGuards(artifact.command("promote"))
    .description("publish one to the first environment of its project; a repeat changes nothing")
    .argument("<id>", "its UUID")
    .option("--title <text>", "of the bundle")
    .option("--description <text>", "of the bundle")
    .action(async (artifactId: string, options: PromoteOptions, command: Command) => {
      using session = Session.open(shell, command);
      const { title, description } = options;
      const about = {
        ...(title === undefined ? {} : { title }),
        ...(description === undefined ? {} : { description }),
      };
      const promoted = await session.client.artifacts.promoteArtifact({ artifactId, ...about }, guardedBy(options));
      const { bundle } = promoted;
      const facts = bundle === undefined ? [] : bundleFacts(bundle).filter(([, value]) => value !== undefined);
      shell.answer(
        () => formatMessage(promoted),
        () => line`promoted ${artifactId}\n` + formatFacts(facts),
      );
    });
}

function artifactFacts(artifact: Omit<Artifact, "$typeName">): [string, string | undefined][] {
  return [
    ["id", artifact.id],
    ["name", artifact.name],
    ["status", artifact.status],
    ["media type", artifact.mediaType],
    ["project", artifact.projectId],
    ["created", formatTime(artifact.createdAt)],
    ["created by", artifact.createdBy],
    ["promoted", formatTime(artifact.promotedAt)],
    ["deployment", artifact.deploymentId],
  ];
}

function answerArtifacts(shell: Shell, artifacts: readonly Artifact[], json: () => string): void {
  shell.answer(json, () =>
    formatTable(
      artifacts,
      [
        ["ID", ({ id }) => id],
        ["STATUS", ({ status }) => status],
        ["CREATED", ({ createdAt }) => formatTime(createdAt)],
        ["DEPLOYMENT", ({ deploymentId }) => deploymentId],
        ["NAME", ({ name }) => name],
      ],
      shell.color,
    ),
  );
}

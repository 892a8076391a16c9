import type { Command } from "commander";
import { defined } from "../../core/defined.js";
import { line } from "../../core/printable.js";
import { parseExactJson, printExactJson } from "../../bundle/exact-json.js";
import { changeHeaders, formatMessage, type Artifact, type ChangeGuards } from "../../sdk/index.js";
import { bundleFacts } from "../bundles/bundle-output.js";
import {
  guardedBy,
  POLICY_HELP,
  policyReading,
  withGuards,
  withBundleReason,
  withIdempotencyKey,
  withPolicyOptions,
  type PolicyOptions,
} from "../bundles/options.js";
import { answerChange, answerPage, answerRow, withPage, type PageOptions } from "../shell/answers.js";
import type { ReasonOption } from "../shell/confirmation.js";
import { examples, listedOption } from "../shell/help.js";
import { OPA_HELP, readPolicies, withPolicyKind, type KindOptions } from "../policies/policies.js";
import { inSession, Session } from "../shell/session.js";
import type { Shell } from "../shell/shell.js";
import { formatFacts, formatTime, type Column } from "../shell/table.js";

interface CreateOptions extends KindOptions, PolicyOptions {
  readonly file: string;
  readonly name?: string;
  readonly idempotencyKey?: string;
}

interface PromoteOptions extends ChangeGuards, ReasonOption {
  readonly title?: string;
  readonly description?: string;
}

/** `signet artifact`: drafts of policy documents, before they are published. */
export function addArtifact(program: Command, shell: Shell): void {
  const artifact = program
    .command("artifact")
    .description("create, list, show, promote and delete artifacts: drafts of policy documents")
    .addHelpText("after", examples("signet artifact list", "signet artifact create -f policy.yaml --name v2"));
  withPage(artifact.command("list", { isDefault: true }))
    .description("list artifacts, newest first; with --project those of one project")
    .addOption(listedOption("--status <status>", "only artifacts in this state", ["draft", "promoted"]))
    .addHelpText("after", examples("signet artifact list --status draft"))
    .action(
      inSession(shell, async (session, options: PageOptions & { status?: string }) => {
        const { project } = session.options;
        const projectId = project === undefined ? undefined : await session.projectId(project);
        const listed = await session.client.artifacts.listArtifacts({ ...options, ...defined({ projectId }) });
        answerPage(shell, listed, options.offset, COLUMNS);
      }),
    );
  withPolicyKind(withPolicyOptions(withIdempotencyKey(artifact.command("create"))))
    .description("create a draft of a project from a policy document, or from Rego for OPA, read as by publish")
    .option("--name <name>", "name of the artifact")
    .addHelpText("after", `${POLICY_HELP}\n${OPA_HELP.trim()}`)
    .addHelpText("after", examples("signet artifact create -f policy.yaml --name v2"))
    .action(async (options: CreateOptions, command: Command) => {
      const { file, name, idempotencyKey } = options;
      // Before the session: a file that cannot be used is reported without a token or a server.
      const given = await readPolicies(shell, file, policyReading(options), options);
      using session = Session.open(shell, command);
      const request = { projectId: await session.projectId(), ...given, ...defined({ name }) };
      const headers = changeHeaders({ idempotencyKey });
      answerRow(shell, await session.client.artifacts.createArtifact(request, { headers }), COLUMNS);
    });
  artifact
    .command("get")
    .description("show one artifact with its policies")
    .argument("<id>", "UUID of the artifact")
    .addHelpText("after", examples("signet artifact get 0b0c0d0e-0000-4000-8000-000000000001"))
    .action(
      inSession(shell, async (session, artifactId: string) => {
        const artifact = await session.client.artifacts.getArtifact({ artifactId });
        const facts = formatFacts([
          ["id", artifact.id],
          ["name", artifact.name],
          ["status", artifact.status],
          ["media type", artifact.mediaType],
          ["project", artifact.projectId],
          ["created", formatTime(artifact.createdAt)],
          ["created by", artifact.createdBy],
          ["promoted", formatTime(artifact.promotedAt)],
          ["deployment", artifact.deploymentId],
        ]);
        shell.answer(
          () => formatMessage(artifact),
          () => `${facts}\n${printExactJson(parseExactJson(artifact.policies), 2)}\n`,
        );
      }),
    );
  artifact
    .command("delete")
    .description("delete an artifact; a bundle that was published from it stays")
    .argument("<id>", "UUID of the artifact")
    .addHelpText("after", examples("signet artifact delete 0b0c0d0e-0000-4000-8000-000000000001"))
    .action(
      inSession(shell, async (session, artifactId: string) => {
        await session.client.artifacts.deleteArtifact({ artifactId });
        answerChange(shell, "deleted", "artifact", artifactId);
      }),
    );
  withBundleReason(withGuards(artifact.command("promote")))
    .description("publish an artifact to the first environment of its project; repeating it changes nothing")
    .argument("<id>", "UUID of the artifact")
    .option("--title <text>", "title of the bundle")
    .option("--description <text>", "description of the bundle")
    .addHelpText("after", examples("signet artifact promote 0b0c0d0e-0000-4000-8000-000000000001 --title v2"))
    .action(
      inSession(shell, async (session, artifactId: string, options: PromoteOptions) => {
        const { title, description, reason } = options;
        const request = { artifactId, ...defined({ title, description, reason }) };
        const promoted = await session.client.artifacts.promoteArtifact(request, guardedBy(options));
        const { bundle } = promoted;
        const facts = bundle === undefined ? [] : bundleFacts(bundle).filter(([, value]) => value !== undefined);
        shell.answer(
          () => formatMessage(promoted),
          () => line`promoted ${artifactId}\n` + formatFacts(facts),
        );
      }),
    );
}

const COLUMNS: readonly Column<Artifact>[] = [
  ["ID", ({ id }) => id],
  ["STATUS", ({ status }) => status],
  ["CREATED", ({ createdAt }) => formatTime(createdAt)],
  ["DEPLOYMENT", ({ deploymentId }) => deploymentId],
  ["NAME", ({ name }) => name],
];

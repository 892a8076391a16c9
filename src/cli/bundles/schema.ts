import type { Command } from "commander";
import { scanStrictJson } from "../../bundle/strict-json.js";
import { line } from "../../core/printable.js";
import { formatMessage, type PolicySchema } from "../../sdk/index.js";
import { answerFacts } from "../shell/answers.js";
import { examples } from "../shell/help.js";
import { readPolicies, withPolicyKind, type KindOptions } from "../policies/policies.js";
import { readPolicyFile } from "../shell/policy-file.js";
import { inSession, Session } from "../shell/session.js";
import type { Shell } from "../shell/shell.js";
import { formatTime, type Fact } from "../shell/table.js";
import { policyReading, withPolicyOptions, type PolicyOptions } from "./options.js";

interface FileOptions extends PolicyOptions {
  readonly file: string;
}

interface CheckOptions extends FileOptions, KindOptions {
  readonly schema?: string;
}

const HELP = `
A JSON Schema (draft 2020-12) that every document published or promoted in the project must fit, dry runs too; activate and rollback are
not checked. References end inside of the schema. At most 256 KiB.`;

/** `signet schema`: the JSON Schema that a project demands of its policies. */
export function addSchema(program: Command, shell: Shell): void {
  const schema = program
    .command("schema")
    .description("set, show, delete and try the JSON Schema that a project demands of its policies")
    .addHelpText("after", HELP)
    .addHelpText("after", examples("signet schema set -f policy.schema.json", "signet schema check -f policy.yaml"));
  schema
    .command("set")
    .description("demand a schema from now on; replaces the one before")
    .requiredOption("-f, --file <file>", "JSON Schema: .json, .yaml, .yml, or - for standard input")
    .addHelpText("after", examples("signet schema set -f policy.schema.json"))
    .action(
      inSession(shell, async (session, { file }: { file: string }) => {
        const text = await readPolicyFile(file, shell.io);
        const set = await session.client.bundles.setPolicySchema({ ...(await session.project()), schema: text });
        answerFacts(shell, set, factsOf(set));
      }),
    );
  schema
    .command("get", { isDefault: true })
    .description("write the schema as it was set; with --json also who set it and when")
    .addHelpText("after", examples("signet schema get > policy.schema.json"))
    .action(
      inSession(shell, async (session) => {
        const found = await schemaOf(session);
        if (shell.json)
          shell.answer(
            () => formatMessage(found),
            () => "",
          );
        else shell.io.out(shell.shown(found.schema.endsWith("\n") ? found.schema : `${found.schema}\n`));
      }),
    );
  schema
    .command("delete")
    .description("demand no schema any more")
    .addHelpText("after", examples("signet schema delete"))
    .action(
      inSession(shell, async (session) => {
        const project = await session.project();
        await session.client.bundles.deletePolicySchema(project);
        shell.answer(
          () => JSON.stringify({ deleted: project.projectId }),
          () => line`deleted the schema of project ${project.projectId}\n`,
        );
      }),
    );
  addCheck(schema, shell);
}

function addCheck(schema: Command, shell: Shell): void {
  withPolicyKind(withPolicyOptions(schema.command("check")))
    .description("check a policy document against the project's schema, or against a file; publishes nothing")
    .option("--schema <file>", "JSON Schema to check against instead of the project's")
    .addHelpText(
      "after",
      examples("signet schema check -f policy.yaml", "signet schema check -f policy.yaml --schema policy.schema.json"),
    )
    .action(async (options: CheckOptions, command: Command) => {
      const { policies } = await readPolicies(shell, options.file, policyReading(options), options);
      scanStrictJson(policies, { base: ["body", "policies"] });
      const text = await schemaText(shell, options.schema, command);
      // Loaded when it is needed: it would slow down the start of every command.
      const { compileSchema } = await import("../../policy-schema/compile-schema.js");
      compileSchema(text)(policies);
      shell.answer(
        () => JSON.stringify({ valid: true }),
        () => line`${options.file} fits the schema\n`,
      );
    });
}

/** Of a file, or of the project: only that needs a server. */
async function schemaText(shell: Shell, file: string | undefined, command: Command): Promise<string> {
  if (file !== undefined) return await readPolicyFile(file, shell.io);
  using session = Session.open(shell, command);
  return (await schemaOf(session)).schema;
}

async function schemaOf(session: Session): Promise<PolicySchema> {
  return await session.client.bundles.getPolicySchema(await session.project());
}

function factsOf({ schemaHash, updatedAt, updatedBy }: PolicySchema): readonly Fact[] {
  return [
    ["schema hash", schemaHash],
    ["updated", formatTime(updatedAt)],
    ["updated by", updatedBy],
  ];
}

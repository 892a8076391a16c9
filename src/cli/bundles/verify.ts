import type { Command } from "commander";
import { defined } from "../../core/defined.js";
import { isUuid } from "../../core/uuid.js";
import { verifyDocument } from "../../sdk/index.js";
import { UsageError } from "../shell/cli-error.js";
import { examples } from "../shell/help.js";
import type { GlobalOptions, Shell } from "../shell/shell.js";
import { formatFacts, type Cell, type Fact } from "../shell/table.js";
import { readTextFile } from "../shell/text-files.js";
import { readKeys } from "../shell/trusted-keys.js";
import { isTarFile } from "../transfer/export-file.js";
import { verifyExport } from "../transfer/verify-export.js";

interface Options extends GlobalOptions {
  readonly keys: string;
  readonly signatureV2: boolean;
}

const HELP = `
Needs neither server nor token. A valid signature proves who signed the document and for which environment, not that it is the newest
one: the version, the sequence and the deployment are not signed. Exit code 8 if the document does not verify.
`;

/** `signet verify`: verifies a bundle document without a server. */
export function addVerify(program: Command, shell: Shell): void {
  program
    .command("verify")
    .description("verify a bundle document or an export offline")
    .argument("<file>", "bundle document, - for standard input, or a file of signet export")
    .requiredOption("--keys <file>", "trusted public keys (PEM)")
    .option("--no-signature-v2", "accept a document whose identity is not signed")
    .addHelpText(
      "after",
      HELP + examples("signet keys --pem > keys.pem", "signet verify bundle.json --keys keys.pem --env dev"),
    )
    .action(async (file: string, _: unknown, command: Command) => {
      const { keys, signatureV2, org, project, env } = command.optsWithGlobals<Options>();
      const expected = defined({
        orgId: requireUuid("--org", org),
        projectId: requireUuid("--project", project),
        environment: env,
      });
      if (file !== "-" && (await isTarFile(file))) {
        return await verifyExport(shell, file, await readKeys(keys, shell), expected);
      }
      const text = await readTextFile(file, shell.io);
      const trusted = await readKeys(keys, shell);
      const verified = await verifyDocument(text, trusted, expected, { requireSignatureV2: signatureV2 });
      const { document, keyId, identityIsSigned } = verified;
      const identity = [
        ["org_id", document.org_id],
        ["project_id", document.project_id],
        ["environment", document.environment],
        ["bundle_id", document.bundle_id],
        ["published_at", document.published_at],
      ] as const;
      const hash = ["policy_hash", document.policy_hash] as const;
      const signed = identityIsSigned ? [...identity, hash] : [hash];
      const version = ["bundle_version", document.bundle_version ?? null] as const;
      const unsigned = identityIsSigned ? [version] : [...identity, version];
      const checks = [
        ["key_id", keyId],
        ["identity_is_signed", identityIsSigned],
      ] as const;
      shell.answer(
        () => {
          const facts = Object.fromEntries<Cell>([...identity, hash, ...checks, version]);
          const names = { signed: signed.map(([name]) => name), not_signed: unsigned.map(([name]) => name) };
          return JSON.stringify({ valid: true, ...facts, ...names });
        },
        () =>
          `verified; these fields are signed\n${inWords([...signed, ...checks])}` +
          `these are not signed and may have been changed on the way\n${inWords(unsigned)}`,
      );
    });
}

function inWords(facts: readonly Fact[]): string {
  return formatFacts(facts.map(([name, value]) => [name.replaceAll("_", " "), value]));
}

function requireUuid(option: string, text: string | undefined): string | undefined {
  if (text === undefined || isUuid(text)) return text;
  throw new UsageError(`${option} must be a UUID: without a server its name cannot be looked up`);
}

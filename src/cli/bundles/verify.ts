import type { Command } from "commander";
import { isUuid } from "../../core/uuid.js";
import { verifyDocument } from "../../sdk/index.js";
import { UsageError } from "../shell/cli-error.js";
import type { GlobalOptions, Shell } from "../shell/shell.js";
import { formatFacts } from "../shell/table.js";
import { readTextFile } from "../shell/text-files.js";
import { readKeys } from "../shell/trusted-keys.js";

interface Options extends GlobalOptions {
  readonly keys: string;
  readonly signatureV2: boolean;
}

const HELP = `
Needs no server and no token. A good signature says who signed the document and whose it is, not that it is the newest one: the version
and, beside the document, sequence and deployment are the server's word, which nobody signed. The exit code is 8 when it is not good.`;

/** `signet verify`: verifies a bundle document, offline. */
export function addVerify(program: Command, shell: Shell): void {
  program
    .command("verify")
    .description("verify a bundle document, offline")
    .argument("<file>", "the document, or - for standard input")
    .requiredOption("--keys <file>", "PEM public keys to trust")
    .option("--no-signature-v2", "accept a document whose identity nobody signed")
    .addHelpText("after", HELP)
    .action(async (file: string, _: unknown, command: Command) => {
      const { keys, signatureV2, org, project, env } = command.optsWithGlobals<Options>();
      const expected = {
        ...(org === undefined ? {} : { orgId: uuid("--org", org) }),
        ...(project === undefined ? {} : { projectId: uuid("--project", project) }),
        ...(env === undefined ? {} : { environment: env }),
      };
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
      const signed = [...(identityIsSigned ? identity : []), ["policy_hash", document.policy_hash]] as const;
      const unsigned = [
        ...(identityIsSigned ? [] : identity),
        ["bundle_version", document.bundle_version ?? null],
      ] as const;
      const about = [
        ["key_id", keyId],
        ["identity_is_signed", identityIsSigned],
      ] as const;
      const facts = [...identity, ["policy_hash", document.policy_hash], ...about, ...unsigned] as const;
      shell.answer(
        () => {
          const names = { signed: signed.map(([name]) => name), not_signed: unsigned.map(([name]) => name) };
          return JSON.stringify({ valid: true, ...Object.fromEntries(facts), ...names });
        },
        () => {
          const inWords = (list: readonly (readonly [string, string | number | boolean | null])[]) =>
            formatFacts(list.map(([name, value]) => [name.replaceAll("_", " "), value]));
          return `verified; signed is\n${inWords([...signed, ...about])}not signed, so anybody on the way may have changed it\n${inWords(unsigned)}`;
        },
      );
    });
}

function uuid(option: string, text: string): string {
  if (isUuid(text)) return text;
  throw new UsageError(`${option} must be a UUID here: there is no server to ask for its name`);
}

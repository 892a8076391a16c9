import type { Command } from "commander";
import { defined } from "../../core/defined.js";
import { isUuid } from "../../core/uuid.js";
import { verifyDocument } from "../../sdk/index.js";
import { UsageError } from "../shell/cli-error.js";
import { examples } from "../shell/help.js";
import type { GlobalOptions, Shell } from "../shell/shell.js";
import { formatFacts, type Cell, type Fact } from "../shell/table.js";
import { readTextFile } from "../shell/text-files.js";
import { instant } from "../shell/numbers.js";
import { readKeys } from "../shell/trusted-keys.js";
import { isTarFile } from "../transfer/export-file.js";
import { verifyExport } from "../transfer/verify-export.js";
import { verifyProof } from "./verify-proof.js";

interface Options extends GlobalOptions {
  readonly keys?: string;
  readonly root?: string;
  readonly attestation?: string;
  readonly at?: Date;
  readonly signatureV2: boolean;
}

const HELP = `
With --keys it needs neither server nor token. A valid signature proves who signed the document and for which environment, not that it is
the newest one: the version, the sequence and the deployment are not signed.

With --root it proves by the root document of the project (signet trust) that a content is what is active, says who signed that, who wrote
it, and until when it holds. Without a file the server is asked, with any token that reads the environment; with a file and --attestation
no server is needed. Roots after --root are taken from its directory (2.root.json, …) or the server.

Exit code 8 if it does not verify.
`;

/** `signet verify`: verifies a bundle document without a server. */
export function addVerify(program: Command, shell: Shell): void {
  program
    .command("verify")
    .description("verify a bundle document or an export offline")
    .argument("[file]", "bundle document, - for standard input, or a file of signet export; with --root also a content")
    .option("--keys <file>", "trusted public keys (PEM)")
    .option("--root <file>", "root document of the project, as signet trust init made it")
    .option("--attestation <file>", "with --root and a file: what GET /v1/bundles/latest/attestation answered")
    .option("--at <time>", "with --root: verify as of this time (ISO 8601; default: now)", instant)
    .option("--no-signature-v2", "accept a document whose identity is not signed")
    .addHelpText(
      "after",
      HELP +
        examples(
          "signet keys --pem > keys.pem",
          "signet verify bundle.json --keys keys.pem --env dev",
          "signet verify --root trust/root.json --env prod",
          "signet verify --root trust/root.json --env prod bundle.json --attestation attestation.json",
        ),
    )
    .action(async (file: string | undefined, _: unknown, command: Command) => {
      const options = command.optsWithGlobals<Options>();
      const { keys, root, attestation, at, signatureV2, org, project, env } = options;
      if ((keys === undefined) === (root === undefined)) throw new UsageError("pass --keys or --root, one of them");
      if (root !== undefined) return await verifyProof(shell, command, file, { ...options, root });
      if (attestation !== undefined || at !== undefined) throw new UsageError("--attestation and --at go with --root");
      if (file === undefined || keys === undefined) throw new UsageError("pass a file, or --root to ask the server");
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

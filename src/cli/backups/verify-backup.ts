import { tmpdir } from "node:os";
import { resolve } from "node:path";
import type { Command } from "commander";
import { formatBytes } from "../../core/printable.js";
import { readConfig } from "../server/serve.js";
import { examples } from "../shell/help.js";
import { givenPassphrase } from "../shell/prompt.js";
import { OF_BACKUP, PASSPHRASE_HELP } from "./passphrase.js";
import type { Shell } from "../shell/shell.js";
import { formatFacts } from "../shell/table.js";
import { quarters } from "./progress.js";

interface Options {
  readonly scratch?: string;
}

const HELP = `
Works without a server. Checks every byte by its hash, every page of the database, the audit chain of every organization with the public
keys of the backup, and that the manifest tells the truth. Ends with 0, or with 8 and the reason. Unpacks the database to --scratch
meanwhile, which needs its size. With a passphrase it opens the keys in the backup too.
${PASSPHRASE_HELP}
`;

/** `signet verify-backup`: whether a backup is whole. */
export function addVerifyBackup(program: Command, shell: Shell): void {
  program
    .command("verify-backup")
    .description("verify a backup: hashes, database, audit chains, keys; needs no server")
    .argument("<file>", "the backup")
    .option("--scratch <dir>", "where to unpack the database meanwhile (default: the system's temporary directory)")
    .addHelpText("after", HELP + examples("signet verify-backup signet-backup.tar"))
    .action(async (file: string, { scratch = tmpdir() }: Options) => {
      const { verifyBackup } = await import("../../server/backups/verify-backup.js");
      const { nativeDirectory } = readConfig(shell, {});
      const { manifest, bytes, keys } = await verifyBackup(resolve(file), {
        ...{ passphrase: givenPassphrase(shell, OF_BACKUP), scratch: resolve(scratch), nativeDirectory },
        ...{ signal: shell.io.signal, onProgress: quarters(shell, "reading") },
      });
      const { createdAt, programVersion, schema, counts, auditHeads } = manifest;
      const { bundles, audit } = manifest.keys;
      shell.answer(
        () =>
          JSON.stringify({
            ...{ valid: true, file: resolve(file), bytes, created_at: createdAt, program_version: programVersion },
            ...{ schema: schema.at(-1) ?? null, counts, keys },
            ...{ bundle_key_id: bundles?.keyId ?? null, audit_key_id: audit?.keyId ?? null },
            audit_heads: auditHeads.map(({ orgId, number, hash }) => ({ org_id: orgId, number, hash })),
          }),
        () =>
          formatFacts([
            ["backup", "whole"],
            ["size", formatBytes(bytes)],
            ["of", createdAt],
            ["made by", `signet ${programVersion}`],
            ["schema", schema.at(-1)],
            ...Object.entries(counts).map(([noun, count]) => [noun.replaceAll("_", " "), count] as const),
            ["keys", KEYS[keys]],
            ["bundle key", bundles?.keyId],
            ["audit key", audit?.keyId],
          ]),
      );
    });
}

const KEYS = {
  none: "not in it",
  sealed: "in it, encrypted; not opened without a passphrase",
  opened: "in it, and the passphrase opens them",
} as const;

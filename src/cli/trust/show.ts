import type { Command } from "commander";
import { boundedEnvelope, payloadDigest } from "../../bundle/trust/threshold.js";
import { timeMs } from "../../bundle/trust/trust-time.js";
import { examples } from "../shell/help.js";
import type { Shell } from "../shell/shell.js";
import { formatFacts, formatTable, type Fact } from "../shell/table.js";
import { keyLabel } from "./public-keys.js";
import { changesIn, expiryInWords, ruleInWords, rulesOf } from "./root-words.js";
import { missingIn, progressOf } from "./sign.js";
import {
  DIRECTORY_HELP,
  readRoot,
  signaturesOn,
  TrustDirectory,
  withDirectory,
  type DirectoryOptions,
  type RootFile,
} from "./trust-directory.js";

/** `signet trust show`: a root and its draft, in words. */
export function addShow(trust: Command, shell: Shell): void {
  withDirectory(trust.command("show"))
    .description("show the newest root, and what its draft changes")
    .argument("[file]", "another root document")
    .addHelpText("after", `${DIRECTORY_HELP}\n` + examples("signet trust show", "signet trust show 1.root.json"))
    .action(async (file: string | undefined, { dir }: DirectoryOptions) => {
      if (file !== undefined) return await answer(shell, await readRoot(file, shell.io), null);
      const directory = new TrustDirectory(dir, shell.io);
      const [newest, draft] = [await directory.newest(), await directory.draft()];
      await answer(shell, newest ?? draft ?? (await directory.requireNewest()), newest === null ? null : draft);
    });
}

async function answer(shell: Shell, shown: RootFile, draft: RootFile | null): Promise<void> {
  const next = draft && { changes: changesIn(shown.root, draft.root), rules: await signaturesOn(draft, shown) };
  const own = await signaturesOn(shown, null);
  shell.answer(
    () => {
      const root: unknown = JSON.parse(new TextDecoder().decode(boundedEnvelope(shown.envelope).payload));
      const about = { file: shown.file, digest: payloadDigest(shown.envelope), expired: isExpired(shown), root };
      const drafted = draft &&
        next && {
          file: draft.file,
          version: draft.root.version,
          changes: next.changes,
          missing: missingIn(next.rules),
        };
      return JSON.stringify({ ...about, missing: missingIn(own), draft: drafted });
    },
    () => {
      const { root } = shown;
      const facts: readonly Fact[] = [
        ["file", shown.file],
        ["version", root.version],
        ["organization", root.orgId],
        ["project", root.projectId],
        ["expires", expiryInWords(root.expiresAt)],
        ["rollback", root.rollback],
        ["signed", own.map(progressOf).join("; ")],
        ["digest", payloadDigest(shown.envelope)],
        ...root.revoked.map((digest) => ["revoked", digest] as const),
      ];
      const rules = formatTable(
        rulesOf(root),
        [
          ["ROLE", ({ role }) => role],
          ["ENVIRONMENT", ({ environment }) => environment ?? "all others"],
          ["SIGNATURES", ({ rule }) => ruleInWords(rule, root)],
        ],
        shell.tableStyle,
      );
      const keys = [...root.keys.keys()].map((id) => `  ${keyLabel(id, root)}\n`).join("");
      const lines = next === null ? [] : [...next.changes, ...next.rules.map(progressOf)];
      const drafted =
        draft === null
          ? ""
          : `draft ${draft.file}: version ${draft.root.version}\n${lines.map((it) => `  ${it}\n`).join("")}`;
      return `${formatFacts(facts)}${rules}keys\n${keys}${drafted}`;
    },
  );
}

function isExpired({ root }: RootFile): boolean {
  return timeMs(root.expiresAt) <= Date.now();
}

import type { Command } from "commander";
import { formatRoot, parseRoot, type Root } from "../../bundle/trust/root.js";
import type { TrustTime } from "../../bundle/trust/trust-time.js";
import type { Shell } from "../shell/shell.js";
import { expiry, inMs, ROOT_LIFE_MS } from "./expiry.js";
import { pruned, requireUsable } from "./root-edits.js";
import { changesIn } from "./root-words.js";
import { requireNext, TrustDirectory, withDirectory, type DirectoryOptions } from "./trust-directory.js";

/** The options of {@link withDraft}. */
export interface DraftOptions extends DirectoryOptions {
  readonly expires?: TrustTime;
}

/** The part of a command's help about what it changes. */
export const DRAFT_HELP = `
Changes the draft of the next version, or begins one. Nothing holds before it is signed (signet trust sign) and published
(signet trust publish). A change takes the signatures of the draft away.`;

/** Adds `--dir` and `--expires`. */
export function withDraft(command: Command): Command {
  return withDirectory(command).option(
    "--expires <time>",
    "end of the next version: 90d, 1y or an ISO 8601 time (default: 1y from its beginning)",
    expiry,
  );
}

/**
 * Makes a change to the next version of the root, and says what differs from the newest one. The draft is begun with the first change,
 * and holds for a year from then. Throws InputError when the result could not be used.
 */
export async function changeDraft(
  shell: Shell,
  { dir, expires }: DraftOptions,
  change: (root: Root) => Promise<Root> | Root,
): Promise<void> {
  const directory = new TrustDirectory(dir, shell.io);
  const [newest, draft] = [await directory.newest(), await directory.draft()];
  if (draft !== null) requireNext(draft, newest);
  const begun = draft?.root ?? nextOf((await directory.requireNewest()).root);
  const changed = pruned(await change({ ...begun, expiresAt: expires ?? begun.expiresAt }));
  requireUsable(changed);
  // What no runtime would read is not written.
  const root = parseRoot(formatRoot(changed));
  await directory.writeDraft(root);
  const changes = changesIn(newest?.root ?? null, root);
  const file = directory.file("draft.json");
  shell.answer(
    () => JSON.stringify({ file, version: root.version, expires_at: root.expiresAt, changes }),
    () => `${file}: version ${root.version}\n${changes.map((it) => `  ${it}\n`).join("")}`,
  );
  if (!shell.json) shell.notice("next: signet trust sign, then signet trust publish");
}

function nextOf(root: Root): Root {
  return { ...root, version: root.version + 1, expiresAt: inMs(ROOT_LIFE_MS) };
}

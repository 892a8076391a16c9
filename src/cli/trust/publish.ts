import { existsSync } from "node:fs";
import type { Command } from "commander";
import { TrustError } from "../../bundle/trust/trust-error.js";
import { SignetError, type ProjectRoot } from "../../sdk/index.js";
import { withReason } from "../shell/confirmation.js";
import { examples } from "../shell/help.js";
import { Session } from "../shell/session.js";
import type { Shell } from "../shell/shell.js";
import { missingIn } from "./sign.js";
import {
  requireNext,
  signaturesOn,
  TrustDirectory,
  withDirectory,
  type DirectoryOptions,
  type RootFile,
} from "./trust-directory.js";
import { connectedRuntimes, projectOf, reachInWords, sendRoot, type PublishOptions } from "./trust-server.js";
import { verifyChain } from "./verify.js";

const HELP = `
Sends what the server does not have yet: the complete draft, which becomes root.json, and roots that were accepted without a server.
Connected runtimes get it at once, others when they connect. Root 1 takes an admin token, later ones an admin or ci token of the whole
project. The server refuses a root under which runtimes would refuse what is active now, unless --force is given.
`;

/** `signet trust publish` and `accept`: a signed draft becomes the newest root. */
export function addPublishRoot(trust: Command, shell: Shell): void {
  withReason(withDirectory(trust.command("publish")), "kept in the audit")
    .description("send the signed draft to the server")
    .option("--force", "also when runtimes will refuse what is active")
    .option("--dry-run", "have it checked, and change nothing")
    .addHelpText(
      "after",
      HELP + examples("signet trust publish --dry-run", 'signet trust publish --reason "new author"'),
    )
    .action(async (options: DirectoryOptions & PublishOptions, command: Command) => {
      const directory = new TrustDirectory(options.dir, shell.io);
      // Before the session: what cannot be published is reported without a token or a server.
      const chain = await localChain(directory);
      using session = Session.open(shell, command);
      const { root } = await session.client.trust.getTrust(projectOf(chain[0].root));
      const missing = missingOn(chain, root?.version ?? 0);
      let published: ProjectRoot | undefined;
      for (const next of missing) {
        published = await sendRoot(session, next, options);
        if (options.dryRun === true) break;
        await directory.keep(next);
      }
      if (published !== undefined) await answerPublished(shell, session, published, chain[0]);
    });
  withDirectory(trust.command("accept"))
    .description("keep the signed draft as root.json without a server, for signet trust publish later")
    .addHelpText("after", examples("signet trust accept"))
    .action(async ({ dir }: DirectoryOptions) => {
      const directory = new TrustDirectory(dir, shell.io);
      const draft = await requireComplete(directory);
      await directory.keep(draft);
      const { version } = draft.root;
      shell.answer(
        () => JSON.stringify({ file: directory.file("root.json"), version }),
        () => `${directory.file("root.json")} is root ${version} now\n`,
      );
    });
}

/** The draft, if nothing is missing. Throws TrustError `bad_signature` with who must still sign. */
async function requireComplete(directory: TrustDirectory): Promise<RootFile> {
  const [newest, draft] = [await directory.newest(), await directory.requireDraft()];
  requireNext(draft, newest);
  const missing = missingIn(await signaturesOn(draft, newest));
  if (missing === null) return draft;
  throw new TrustError("bad_signature", `${draft.file} is not complete: ${missing} must sign`);
}

/** The verified roots of a directory, the oldest first, and the draft as the last one. */
async function localChain(directory: TrustDirectory): Promise<readonly [RootFile, ...RootFile[]]> {
  const drafted = existsSync(directory.file("draft.json")) ? [(await requireComplete(directory)).file] : [];
  const newest = await directory.newest();
  const files = [...directory.versions(), ...(newest === null ? [] : [newest.file]), ...drafted];
  const [first, ...others] = (await verifyChain(files, directory.io)).map(({ file }) => file);
  if (first === undefined) return [await directory.requireNewest()];
  return [first, ...others];
}

/** The roots that the server does not have; the newest one again when it has all, for its signatures. */
function missingOn(chain: readonly RootFile[], version: number): readonly RootFile[] {
  const newest = chain.at(-1);
  const missing = chain.filter(({ root }) => root.version > version);
  const [next] = missing;
  if (next?.root.version === version + 1) return missing;
  if (newest?.root.version === version) return [newest];
  if (next === undefined) {
    const has = `the server has root ${version}, and this directory root ${newest?.root.version ?? 0}`;
    throw new SignetError("conflict", `${has}: signet trust pull`);
  }
  throw new SignetError("conflict", `the server needs root ${version + 1} next, which is not in this directory`);
}

async function answerPublished(
  shell: Shell,
  session: Session,
  { version, digest, dryRun, warnings }: ProjectRoot,
  { root }: RootFile,
): Promise<void> {
  const connected = await connectedRuntimes(session, root);
  shell.answer(
    () => JSON.stringify({ version, digest, dry_run: dryRun, connected_runtimes: connected, warnings }),
    () =>
      dryRun
        ? `root ${version} can be published: nothing was changed\n`
        : `published root ${version}: ${reachInWords(connected)}\n`,
  );
  if (!shell.json) for (const warning of warnings) shell.notice(`warning: ${warning}`);
}

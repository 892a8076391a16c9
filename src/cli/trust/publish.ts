import type { Command } from "commander";
import { TrustError } from "../../bundle/trust/trust-error.js";
import { examples } from "../shell/help.js";
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

/** `signet trust accept`: keeps a complete draft as the newest root of this directory, without a server. */
export function addAccept(trust: Command, shell: Shell): void {
  withDirectory(trust.command("accept"))
    .description("keep the signed draft as root.json without a server, which signet trust publish sends later")
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
export async function requireComplete(directory: TrustDirectory): Promise<RootFile> {
  const [newest, draft] = [await directory.newest(), await directory.requireDraft()];
  requireNext(draft, newest);
  const missing = missingIn(await signaturesOn(draft, newest));
  if (missing === null) return draft;
  throw new TrustError("bad_signature", `${draft.file} is not complete: ${missing} must sign`);
}

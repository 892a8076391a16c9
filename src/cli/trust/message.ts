import type { Command } from "commander";
import { streamFileAtomically } from "../shell/text-files.js";
import { examples } from "../shell/help.js";
import type { Shell } from "../shell/shell.js";
import { messageOf } from "./envelopes.js";
import { TrustDirectory, withDirectory, type DirectoryOptions } from "./trust-directory.js";

/** `signet trust message`: the bytes that a device signs for the draft. */
export function addMessage(trust: Command, shell: Shell): void {
  withDirectory(trust.command("message"))
    .description("write the bytes that a device signs (Ed25519) for the draft")
    .requiredOption("-o, --output <file>", "file for the bytes")
    .addHelpText("after", examples("signet trust message -o message.bin"))
    .action(async ({ dir, output }: DirectoryOptions & { output: string }) => {
      const draft = await new TrustDirectory(dir, shell.io).requireDraft();
      await writeMessage(shell, draft.envelope, output);
    });
}

/** Writes the message of an envelope to a file, and says so. */
export async function writeMessage(shell: Shell, envelope: string, output: string): Promise<void> {
  const message = messageOf(envelope);
  await streamFileAtomically(output, async (write) => await write(message));
  shell.answer(
    () => JSON.stringify({ file: output, bytes: message.length }),
    () => `${output}: ${message.length} bytes to sign\n`,
  );
}

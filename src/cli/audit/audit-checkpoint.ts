import type { Command } from "commander";
import { parseCheckpoint } from "../../bundle/log/checkpoint.js";
import { LogError } from "../../bundle/log/log-error.js";
import { parseNote } from "../../bundle/log/note.js";
import { formatMessage } from "../../sdk/index.js";
import { CheckFailedError } from "../shell/cli-error.js";
import { examples } from "../shell/help.js";
import { inSession } from "../shell/session.js";
import type { Shell } from "../shell/shell.js";

const HELP = `
A checkpoint is a signed note (C2SP tlog-checkpoint): the log's origin, how many events it has, and the root of the Merkle tree over
them. Keep it where the operator of the server cannot change it, or have witnesses cosign it; audit prove checks it. Any token of the
organization that reads may ask for it. --json also has the key as witnesses are told of it (verifier_key).
`;

/** `signet audit checkpoint`: the signed head of the log. */
export function addAuditCheckpoint(audit: Command, shell: Shell): void {
  audit
    .command("checkpoint")
    .description("write a signed checkpoint of the log over all events")
    .addHelpText("after", HELP + examples("signet audit checkpoint > checkpoint.txt"))
    .action(
      inSession(shell, async (session) => {
        const { client, options } = session;
        const checkpoint =
          options.org === undefined
            ? await client.audit.getOwnAuditCheckpoint({})
            : await client.audit.getAuditCheckpoint({ orgId: await session.orgId() });
        requireCheckpoint(checkpoint.note);
        shell.answer(
          () => formatMessage(checkpoint),
          () => checkpoint.note,
        );
      }),
    );
}

/** What is printed is lines, so that they can be kept: the server may not write others than a note has. */
function requireCheckpoint(note: string): void {
  try {
    parseCheckpoint(parseNote(note).text);
  } catch (thrown) {
    if (!(thrown instanceof LogError)) throw thrown;
    throw new CheckFailedError(thrown.code, `the server's checkpoint: ${thrown.message}`);
  }
}

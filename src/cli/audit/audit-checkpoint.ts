import type { Command } from "commander";
import { formatMessage } from "../../sdk/index.js";
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
        shell.answer(
          () => formatMessage(checkpoint),
          () => checkpoint.note,
        );
      }),
    );
}

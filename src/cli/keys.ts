import type { Command } from "commander";
import { printableLines } from "../core/printable.js";
import { formatMessages, SignetError } from "../sdk/index.js";
import { Session } from "./shell/session.js";
import type { Shell } from "./shell/shell.js";
import { formatTable } from "./shell/table.js";
import { formatTime } from "./shell/times.js";
import { fingerprint } from "./shell/trusted-keys.js";

/** `signet keys`: the public keys that runtimes are to trust. */
export function addKeys(program: Command, shell: Shell): void {
  program
    .command("keys")
    .description("list the server's public keys")
    .option("--pem", "write only the current bundles key, as PEM: what runtimes are configured with")
    .action(async ({ pem }: { pem?: true }, command: Command) => {
      using session = Session.open(shell, command);
      const { keys } = await session.client.bundles.listKeys({});
      if (pem) {
        const current = keys.find(({ purpose, isCurrent }) => purpose === "bundles" && isCurrent);
        if (current === undefined) throw new SignetError("not_found", "the server has no current key for bundles");
        shell.io.out(printableLines(current.publicKeyPem));
        return;
      }
      shell.answer(
        () => formatMessages(keys),
        () =>
          formatTable(
            keys,
            [
              ["KEY ID", ({ keyId }) => keyId],
              ["PURPOSE", ({ purpose }) => purpose],
              ["CURRENT", ({ isCurrent }) => isCurrent],
              ["CREATED", ({ createdAt }) => formatTime(createdAt)],
              ["FINGERPRINT", fingerprint],
            ],
            shell.color,
          ),
      );
    });
}

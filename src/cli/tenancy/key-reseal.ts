import type { Command } from "commander";
import { readConfig } from "../server/serve.js";
import { examples } from "../shell/help.js";
import type { Shell } from "../shell/shell.js";
import { refuseUnusedOptions } from "../shell/used-options.js";

/** `signet keys reseal`: the change of the secret that encrypts the keys of several nodes. */
export function addKeyReseal(keys: Command, shell: Shell): void {
  keys
    .command("reseal")
    .description("encrypt the signing keys in PostgreSQL with another secret; the keys themselves stay")
    .addHelpText(
      "after",
      `
Opens the database itself (SIGNET_DATABASE_URL): SIGNET_KEY_SECRET is the secret of now, SIGNET_NEW_KEY_SECRET the one after it. Each can
come from a file that NAME_FILE names. Nodes may run: then restart each of them with the new one as SIGNET_KEY_SECRET, before the next
rotation of a key.
` + examples("signet keys reseal", "signet keys reseal --json"),
    )
    .action(async (_: unknown, command: Command) => {
      refuseUnusedOptions(command, "nothing");
      const config = readConfig(shell, {});
      const { resealOffline } = await import("../../server/reseal.js");
      const keyIds = await resealOffline(config);
      shell.answer(
        () => JSON.stringify({ key_ids: keyIds }),
        () => `encrypted ${keyIds.length} keys with the new secret\n`,
      );
      if (!shell.json) shell.notice("next: restart every node with it as SIGNET_KEY_SECRET");
    });
}

import type { Command } from "commander";
import { KEY_TYPES, type KeyType } from "../../core/token.js";
import { createOfflineKey } from "../../server/offline-key.js";
import { UsageError } from "../shell/cli-error.js";
import { examples } from "../shell/help.js";
import type { Shell } from "../shell/shell.js";

const HELP = `
Writes the key to standard output and its SHA-256 to standard error. The key works once the SHA-256 is registered with a server: by a
declaration (signet apply), or by token create --sha256. Keep the SHA-256 private too: an organization that registers it first receives
the requests of the key's owner.
`;

/** `signet token generate`: a key and its SHA-256, without a server. */
export function addTokenGenerate(token: Command, shell: Shell): void {
  token
    .command("generate")
    .description("generate a key and its SHA-256 locally, without a server")
    .option("--admin", "with the prefix of an admin token")
    .option("--ci", "with the prefix of a ci token")
    .option("--runtime", "with the prefix of a runtime token")
    .option("--viewer", "with the prefix of a viewer token")
    .option("--metrics", "with the prefix of a metrics token")
    .addHelpText("after", HELP + examples("signet token generate --ci > ci-token"))
    .action((options: Readonly<Partial<Record<KeyType, true>>>) => {
      const types = KEY_TYPES.filter((type) => options[type] === true);
      const [type] = types;
      if (type === undefined || types.length > 1)
        throw new UsageError("pass one token type: --admin, --ci, --runtime, --viewer or --metrics");
      const { rawKey, sha256 } = createOfflineKey(type);
      shell.answer(
        () => JSON.stringify({ raw_key: rawKey, sha256 }),
        () => `${rawKey}\n`,
      );
      if (!shell.json) shell.notice(`sha256  ${sha256}`);
    });
}

import type { Command } from "commander";
import type { KeyType } from "../../core/token.js";
import { createOfflineKey } from "../../server/offline-key.js";
import { UsageError } from "../shell/cli-error.js";
import type { Shell } from "../shell/shell.js";

const HELP = `
The key is written to standard output, its SHA-256 to standard error. It works once a server was told the SHA-256: by a declaration
(signet apply), or by token create --sha256. Keep the SHA-256 from strangers too: who registers it first has the key's owner as a
guest.
`;

/** `signet token generate`: a key and its hash, without a server. */
export function addTokenGenerate(token: Command, shell: Shell): void {
  token
    .command("generate")
    .description("make a key and its SHA-256 here, without a server")
    .option("--admin", "a key that looks like an admin token")
    .option("--ci", "one that looks like a ci token")
    .option("--runtime", "one that looks like a runtime token")
    .addHelpText("after", HELP)
    .action((options: Readonly<Partial<Record<KeyType, true>>>) => {
      const types = (["admin", "ci", "runtime"] as const).filter((type) => options[type] === true);
      const [type] = types;
      if (type === undefined || types.length > 1) throw new UsageError("say which: --admin, --ci or --runtime");
      const { rawKey, sha256 } = createOfflineKey(type);
      shell.answer(
        () => JSON.stringify({ raw_key: rawKey, sha256 }),
        () => `${rawKey}\n`,
      );
      if (!shell.json) shell.notice(`sha256  ${sha256}`);
    });
}

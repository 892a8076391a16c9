import type { Command } from "commander";
import { printableLines } from "../../core/printable.js";
import { formatMessages, SignetError, type Key } from "../../sdk/index.js";
import { Session } from "../shell/session.js";
import type { GlobalOptions, Shell } from "../shell/shell.js";
import { formatTable, formatTime } from "../shell/table.js";
import { fingerprint } from "../shell/trusted-keys.js";
import { refuseUnusedOptions } from "../shell/used-options.js";

/** `signet keys`: the public keys that runtimes are to trust. */
export function addKeys(program: Command, shell: Shell): void {
  program
    .command("keys")
    .description("list the public keys that the token may need")
    .option(
      "--pem",
      "write only the current key for bundles, as PEM: what runtimes are configured with; with --env the environment's, if it has its own",
    )
    .action(async (_: unknown, command: Command) => {
      const { pem, env } = command.optsWithGlobals<GlobalOptions & { pem?: true }>();
      // Without an environment it lists what the token may need, whatever organization or project is named.
      refuseUnusedOptions(command, pem && env !== undefined ? "environment" : "server");
      using session = Session.open(shell, command);
      const { keys } = await session.client.bundles.listKeys({});
      if (pem) {
        const environmentId = env === undefined ? undefined : await keyedEnvironment(session, env);
        shell.io.out(printableLines(currentKey(keys, environmentId).publicKeyPem));
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
              ["OF", ({ orgId, environmentId, environment }) => environment ?? environmentId ?? orgId ?? "server"],
              ["CREATED", ({ createdAt }) => formatTime(createdAt)],
              ["FINGERPRINT", fingerprint],
            ],
            shell.color,
          ),
      );
    });
}

/** The id of an environment that signs with a key of its own; undefined for one that signs with the organization's. */
async function keyedEnvironment(session: Session, env: string): Promise<string | undefined> {
  const { keyType } = await session.whoAmI();
  // Its environment's key is the only current one that a runtime token sees.
  if (keyType === "runtime") return undefined;
  const path = { ...(await session.project()), envName: env };
  const { id, signingKey } = await session.client.organizations.getEnvironment(path);
  return signingKey === "environment" ? id : undefined;
}

/** Without an environment the organization's, or the one that a runtime token sees. */
function currentKey(keys: readonly Key[], environmentId: string | undefined): Key {
  const current = keys.filter(({ purpose, isCurrent }) => purpose === "bundles" && isCurrent);
  const asked = current.find((key) => key.environmentId === environmentId);
  const key = environmentId === undefined ? (asked ?? current[0]) : asked;
  if (key === undefined) throw new SignetError("not_found", "the server has no current key for bundles");
  return key;
}

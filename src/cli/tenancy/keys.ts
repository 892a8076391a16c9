import { Option, type Command } from "commander";
import { defined } from "../../core/defined.js";
import { KEY_PURPOSES } from "../../core/key.js";
import { printableLines } from "../../core/printable.js";
import { SignetError, type Key } from "../../sdk/index.js";
import { answerRows } from "../shell/answers.js";
import { examples } from "../shell/help.js";
import { Session } from "../shell/session.js";
import type { Shell } from "../shell/shell.js";
import { formatTime } from "../shell/table.js";
import { fingerprint } from "../shell/trusted-keys.js";
import { addKeyReseal } from "./key-reseal.js";
import { addKeyRotation } from "./key-rotation.js";
import { refuseUnusedOptions } from "../shell/used-options.js";

/** `signet keys`: the public keys that runtimes and auditors trust, and the rotation of the signing key. */
export function addKeys(program: Command, shell: Shell): void {
  const keys = program
    .command("keys")
    .description("list public keys, and rotate the signing key")
    .addHelpText("after", examples("signet keys list", "signet keys --pem > keys.pem"));
  keys
    .command("list", { isDefault: true })
    .description("list the public keys that verify what this organization receives")
    .option(
      "--pem",
      "write only the current bundle key as PEM, for runtimes, and the announced one after it; with --env that environment's keys",
    )
    .addOption(new Option("--purpose <purpose>", "only keys of this purpose").choices(KEY_PURPOSES))
    .addHelpText(
      "after",
      examples(
        "signet keys",
        "signet keys --pem --env prod > keys.pem",
        "signet keys --pem --purpose attestation > attestation.pem",
        "signet keys --pem --purpose opa > opa.pem",
      ),
    )
    .action(async ({ pem, purpose }: { pem?: true; purpose?: string }, command: Command) => {
      const { env } = command.optsWithGlobals<{ env?: string }>();
      // The list is the same for every --org, --project and --env.
      refuseUnusedOptions(command, pem && env !== undefined ? "environment" : "server");
      using session = Session.open(shell, command);
      const { keys: all } = await session.client.bundles.listKeys(defined({ purpose }));
      const keys = purpose === undefined ? all : all.filter((key) => key.purpose === purpose);
      if (pem && purpose !== undefined && purpose !== "bundles") {
        const signing = keys.filter(({ state }) => state !== "previous");
        shell.io.out(printableLines(signing.map(({ publicKeyPem }) => publicKeyPem).join("")));
        return;
      }
      if (pem) {
        const environmentId = env === undefined ? undefined : await keyedEnvironment(session, env);
        const { publicKeyPem } = currentKey(keys, environmentId);
        const announced = keyOf(keys, "next", environmentId)?.publicKeyPem ?? "";
        shell.io.out(printableLines(publicKeyPem + announced));
        return;
      }
      answerRows(shell, keys, [
        ["KEY ID", ({ keyId }) => keyId],
        ["PURPOSE", ({ purpose }) => purpose],
        ["STATE", ({ state }) => state],
        ["OWNER", ({ orgId, environmentId, environment }) => environment ?? environmentId ?? orgId ?? "server"],
        ["CREATED", ({ createdAt }) => formatTime(createdAt)],
        ["FINGERPRINT", fingerprint],
      ]);
    });
  addKeyRotation(keys, shell);
  addKeyReseal(keys, shell);
}

/** The id of an environment with its own signing key; undefined for one that uses the organization's. */
async function keyedEnvironment(session: Session, env: string): Promise<string | undefined> {
  const { keyType } = await session.whoAmI();
  // A runtime token sees only one current key: its environment's.
  if (keyType === "runtime") return undefined;
  const path = { ...(await session.project()), envName: env };
  const { id, signingKey } = await session.client.organizations.getEnvironment(path);
  return signingKey === "environment" ? id : undefined;
}

/** The current bundle key: the environment's, else the organization's or the only one that a runtime token sees. Throws SignetError `not_found`. */
function currentKey(keys: readonly Key[], environmentId: string | undefined): Key {
  const key = keyOf(keys, "current", environmentId);
  if (key === undefined) throw new SignetError("not_found", "the server has no current key for bundles");
  return key;
}

function keyOf(keys: readonly Key[], state: string, environmentId: string | undefined): Key | undefined {
  const all = keys.filter((key) => key.purpose === "bundles" && key.state === state);
  const asked = all.find((key) => key.environmentId === environmentId);
  return environmentId === undefined ? (asked ?? all[0]) : asked;
}

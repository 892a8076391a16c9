import type { Command } from "commander";
import { envelopeKeyId } from "../../bundle/envelope/dsse.js";
import type { PublicKey } from "../../bundle/keys.js";
import { nameOfKey, type Root } from "../../bundle/trust/root.js";
import { InputError } from "../shell/cli-error.js";
import { examples } from "../shell/help.js";
import { Session } from "../shell/session.js";
import type { GlobalOptions, Shell } from "../shell/shell.js";
import { readKeys } from "../shell/trusted-keys.js";
import { refuseUnusedOptions } from "../shell/used-options.js";
import { changeDraft, DRAFT_HELP, withDraft, type DraftOptions } from "./draft.js";
import { withKey, withRule } from "./root-edits.js";
import { TrustDirectory } from "./trust-directory.js";
import { attestationKeys } from "./trust-server.js";

interface Options extends GlobalOptions, DraftOptions {
  readonly keys?: string;
  readonly keep?: true;
}

const HELP = `${DRAFT_HELP}
The keys are the server's current one and an announced one, or those of --keys, instead of those before; with --keep beside them. A
rotation is two roots: after signet keys rotate --purpose attestation one that names both, so that no runtime refuses an update, and
after signet keys activate one that names the new key alone. After a seizure the first root names the new key alone: what the old one
signed counts no more, and runtimes follow to whatever the new one signs.
`;

/** `signet trust online-keys`: the keys of the server that sign activations and leases. */
export function addOnlineKeys(trust: Command, shell: Shell): void {
  withDraft(trust.command("online-keys"))
    .description("let the server's keys of today sign activations and leases")
    .option("--keys <file>", "public keys (PEM), instead of asking the server")
    .option("--keep", "let those before sign too")
    .addHelpText(
      "after",
      HELP + examples("signet trust online-keys", "signet trust online-keys --keys attestation.pem --keep"),
    )
    .action(async (_: unknown, command: Command) => {
      const options = command.optsWithGlobals<Options>();
      const keys = await onlineKeys(shell, options, command);
      await changeDraft(shell, options, (root) => withOnlineKeys(root, keys, options.keep === true));
    });
}

async function onlineKeys(shell: Shell, options: Options, command: Command): Promise<readonly PublicKey[]> {
  if (options.keys !== undefined) {
    refuseUnusedOptions(command, "nothing");
    return await readKeys(options.keys, shell);
  }
  await new TrustDirectory(options.dir, shell.io).requireNewest();
  using session = Session.open(shell, command);
  return await attestationKeys(session);
}

function withOnlineKeys(begun: Root, keys: readonly PublicKey[], keep: boolean): Root {
  const ids = keys.map(envelopeKeyId);
  let root = begun;
  for (const key of keys) root = withKey(root, { key, name: nameFor(root, envelopeKeyId(key)) }).root;
  for (const role of ["activation", "lease"] as const) {
    const before = root.roles[role];
    root = withRule(root, role, null, { ...before, keyIds: [...new Set([...(keep ? before.keyIds : []), ...ids])] });
  }
  const isSame = (["activation", "lease"] as const).every(
    (role) => root.roles[role].keyIds.join() === begun.roles[role].keyIds.join(),
  );
  if (isSame) throw new InputError("the root has these keys already: nothing changes");
  return root;
}

/** The name that the key has, or the first free one of server, server-2, … */
function nameFor(root: Root, keyid: string): string {
  const own = nameOfKey(root, keyid);
  if (own !== null) return own;
  const taken = new Set(Object.values(root.names));
  for (let n = 1; ; n += 1) {
    const name = n === 1 ? "server" : `server-${n}`;
    if (!taken.has(name)) return name;
  }
}

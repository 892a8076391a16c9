import type { Command } from "commander";
import { signEnvelope } from "../../bundle/envelope/dsse.js";
import type { PublicKey } from "../../bundle/keys.js";
import { formatRoot, parseRoot, ROOT_TYPE, type Root } from "../../bundle/trust/root.js";
import { payloadDigest } from "../../bundle/trust/threshold.js";
import type { TrustTime } from "../../bundle/trust/trust-time.js";
import { isUuid } from "../../core/uuid.js";
import { SignetError, type ProjectRoot } from "../../sdk/index.js";
import { InputError, UsageError } from "../shell/cli-error.js";
import { examples } from "../shell/help.js";
import { wholeNumber } from "../shell/numbers.js";
import { Session } from "../shell/session.js";
import type { GlobalOptions, Shell } from "../shell/shell.js";
import { formatFacts } from "../shell/table.js";
import { readKeys } from "../shell/trusted-keys.js";
import { refuseUnusedOptions } from "../shell/used-options.js";
import { unsignedEnvelope } from "./envelopes.js";
import { expiry, inMs, ROOT_LIFE_MS } from "./expiry.js";
import { firstRoot } from "./first-root.js";
import { createKeyFile, withNoPassphrase, type LockedKey, type PassphraseOptions } from "./private-keys.js";
import { readPublicKey } from "./public-keys.js";
import { requireUsable } from "./root-edits.js";
import { expiryInWords } from "./root-words.js";
import { TrustDirectory, withDirectory, type DirectoryOptions, type RootFile } from "./trust-directory.js";
import { attestationKeys, sendRoot } from "./trust-server.js";

/** The options of `signet trust init`. */
export interface InitOptions extends GlobalOptions, DirectoryOptions, PassphraseOptions {
  readonly keys?: string;
  readonly keyOut?: string;
  readonly rootKeys?: readonly string[];
  readonly threshold?: number;
  readonly expires?: TrustTime;
}

/** The project of a first root, and the keys with which its server signs. */
export interface Origin {
  /** UUIDs. */
  readonly orgId: string;
  readonly projectId: string;
  readonly serverKeys: readonly PublicKey[];
}

const HELP = `
Makes a root key, encrypted with a passphrase (SIGNET_TRUST_PASSPHRASE, SIGNET_TRUST_PASSPHRASE_FILE, or asked for twice), and root 1:
the server's keys sign activations and leases, the root key alone changes the root. Publishes it, which takes an admin token, and ends
with root.json for runtimes and a key to take away. With --keys no server is asked: --org and --project are UUIDs then, and
signet trust publish sends the root later. With --root-keys no key is made, and root 1 waits as draft.json for signet trust sign by those
who have them.
`;

/** `signet trust init`: the first root of a project. */
export function addInit(trust: Command, shell: Shell): void {
  withNoPassphrase(withDirectory(trust.command("init")))
    .description("make the first root document of a project, and the key that changes it")
    .option("--keys <file>", "public keys with which the server signs (PEM), instead of asking the server")
    .option("--key-out <file>", "file for the root key (default: root.key)")
    .option("--root-keys <files...>", "public keys of those who change the root, instead of a new key")
    .option("--threshold <count>", "how many of --root-keys must sign a root (default: 1)", wholeNumber(1, 32))
    .option("--expires <time>", "end of root 1: 90d, 1y or an ISO 8601 time (default: 1y)", expiry)
    .addHelpText("after", HELP)
    .addHelpText(
      "after",
      examples(
        "signet trust init --project shop",
        "signet trust init --key-out /media/usb/root.key --expires 2y",
        "signet trust init --root-keys alice.pub bob.pub carol.pub --threshold 2",
      ),
    )
    .action(async (_: unknown, command: Command) => {
      const options = command.optsWithGlobals<InitOptions>();
      const directory = requireNew(options, shell);
      if (options.keys === undefined) return await initOnline(shell, command, options, directory);
      refuseUnusedOptions(command, "projectIdentity");
      const origin = {
        orgId: requireUuid("--org", options.org),
        projectId: requireUuid("--project", options.project),
        serverKeys: await readKeys(options.keys, shell),
      };
      const made = await makeFirstRoot(shell, options, directory, origin);
      if (made.isSigned) await directory.keep(made.file);
      answerInit(shell, directory, made, null);
    });
}

async function initOnline(
  shell: Shell,
  command: Command,
  options: InitOptions,
  directory: TrustDirectory,
): Promise<void> {
  using session = Session.open(shell, command);
  const project = await session.project();
  const found = await session.client.trust.getTrust(project);
  if (found.root !== undefined) {
    throw new SignetError("conflict", `the project has root ${found.root.version} already: signet trust status`);
  }
  const made = await makeFirstRoot(shell, options, directory, {
    ...project,
    serverKeys: await attestationKeys(session),
  });
  if (!made.isSigned) return answerInit(shell, directory, made, null);
  let published: ProjectRoot;
  try {
    published = await sendRoot(session, made.file, {});
  } catch (thrown) {
    // Nothing is lost: the draft is complete.
    const key = made.key?.source ?? "";
    shell.notice(`not published, but ${made.file.file} and ${key} are kept: signet trust publish tries again`);
    throw thrown;
  }
  await directory.keep(made.file);
  answerInit(shell, directory, made, published);
}

/** A first root that was made. */
export interface MadeRoot {
  readonly file: RootFile;
  /** Whether it is complete. */
  readonly isSigned: boolean;
  /** The new root key; null with `--root-keys`. */
  readonly key: LockedKey | null;
}

/** Makes root 1, and its key before it. It is left as the draft. */
export async function makeFirstRoot(
  shell: Shell,
  options: InitOptions,
  directory: TrustDirectory,
  origin: Origin,
): Promise<MadeRoot> {
  const { rootKeys, threshold = 1, expires = inMs(ROOT_LIFE_MS) } = options;
  const file = directory.file("draft.json");
  const made = (envelope: string, root: Root) => ({ file, envelope, root });
  if (rootKeys !== undefined) {
    const keys = [];
    for (const name of rootKeys) keys.push(await readPublicKey(name, shell));
    const root = usable(firstRoot({ ...origin, rootKeys: keys, threshold, expiresAt: expires }));
    const envelope = unsignedEnvelope(ROOT_TYPE, formatRoot(root));
    await directory.writeDraftEnvelope(envelope);
    return { file: made(envelope, root), isSigned: false, key: null };
  }
  const key = await createKeyFile(shell, options.keyOut ?? "root.key", options);
  const rootKey = { key: key.publicKey, name: "root" };
  const root = usable(firstRoot({ ...origin, rootKeys: [rootKey], threshold: 1, expiresAt: expires }));
  const envelope = await signEnvelope(ROOT_TYPE, formatRoot(root), await key.unlock(), key.publicKey);
  await directory.writeDraftEnvelope(envelope);
  return { file: made(envelope, root), isSigned: true, key };
}

/** Says what there is now, and what comes next. */
function answerInit(
  shell: Shell,
  directory: TrustDirectory,
  { file, isSigned, key }: MadeRoot,
  published: ProjectRoot | null,
): void {
  const { root, envelope } = file;
  const where = isSigned ? directory.file("root.json") : file.file;
  const digest = payloadDigest(envelope);
  const steps = isSigned
    ? [
        `give ${where} to every runtime: it is not secret, but it must come from you`,
        `take ${key?.source ?? ""} away from this machine: whoever has it decides what runtimes trust`,
        `before ${root.expiresAt.slice(0, 10)}: signet trust renew, sign and publish`,
        published === null
          ? "signet trust publish sends the root to the server"
          : "signet watch --root shows what runtimes prove from now on",
      ]
    : [`give ${where} to those who have the root keys: signet trust sign`, "then signet trust publish"];
  shell.answer(
    () => {
      const about = { file: where, version: 1, digest, expires_at: root.expiresAt, complete: isSigned };
      return JSON.stringify({
        ...about,
        published: published !== null,
        root_key: key?.source ?? null,
        org_id: root.orgId,
        project_id: root.projectId,
      });
    },
    () => {
      const facts = [
        [published === null ? "root 1" : "root 1, published", where],
        ["digest", digest],
        ["root key", key?.source],
        ["expires", expiryInWords(root.expiresAt)],
      ] as const;
      return `${formatFacts(facts)}next:\n${steps.map((step) => `  ${step}\n`).join("")}`;
    },
  );
}

function requireNew({ dir, rootKeys, threshold, keyOut }: InitOptions, shell: Shell): TrustDirectory {
  if (rootKeys === undefined && threshold !== undefined) throw new UsageError("--threshold goes with --root-keys");
  if (rootKeys !== undefined && keyOut !== undefined) throw new UsageError("--key-out goes without --root-keys");
  const directory = new TrustDirectory(dir, shell.io);
  if (!directory.isUsed) return directory;
  throw new InputError(`${dir} has a root already: signet trust show; --dir names another directory`);
}

function usable(root: Root): Root {
  requireUsable(root);
  return parseRoot(formatRoot(root));
}

function requireUuid(option: string, text: string | undefined): string {
  if (text !== undefined && isUuid(text)) return text;
  throw new UsageError(`${option} must be a UUID: without a server its name cannot be looked up`);
}

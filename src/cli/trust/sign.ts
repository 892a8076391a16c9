import type { Command } from "commander";
import { addSignature, envelopeKeyId } from "../../bundle/envelope/dsse.js";
import type { Root } from "../../bundle/trust/root.js";
import { InputError, UsageError } from "../shell/cli-error.js";
import { examples } from "../shell/help.js";
import type { Shell } from "../shell/shell.js";
import { readTextFile } from "../shell/text-files.js";
import { mergedSignatures, withDeviceSignature } from "./envelopes.js";
import { withDeviceOptions, readDeviceSignature, type DeviceOptions } from "./device-signature.js";
import { findSigningKey, SIGNING_KEY_HELP, withSigningKey, type SigningKeyOptions } from "./private-keys.js";
import { keyLabel, shortLabels, stillNeeded } from "./public-keys.js";
import { changesIn } from "./root-words.js";
import {
  requireNext,
  rootIn,
  signaturesOn,
  TrustDirectory,
  withDirectory,
  type DirectoryOptions,
  type RootFile,
  type Signed,
} from "./trust-directory.js";

const SIGN_HELP = `
Says what the draft changes, compared with root.json of this machine, before the key is opened.${SIGNING_KEY_HELP}
`;

/** `signet trust sign` and `add-signature`: the signatures of the draft. */
export function addSign(trust: Command, shell: Shell): void {
  withDirectory(withSigningKey(trust.command("sign")))
    .description("sign the draft of the next root")
    .addHelpText("after", SIGN_HELP + examples("signet trust sign --key /media/usb/root.key"))
    .action(async (options: SigningKeyOptions & DirectoryOptions) => {
      const directory = new TrustDirectory(options.dir, shell.io);
      const [newest, draft] = [await directory.newest(), await directory.requireDraft()];
      requireNext(draft, newest);
      const key = await findSigningKey(shell, options, "root.key");
      const keyid = envelopeKeyId(key.publicKey);
      const before = await signaturesOn(draft, newest);
      if (!before.some(({ keys }) => keys.some((it) => envelopeKeyId(it) === keyid))) {
        throw new InputError(`${key.source} is key ${keyid.slice(0, 16)}, which may sign neither ${sourcesOf(before)}`);
      }
      const changes = changesIn(newest?.root ?? null, draft.root);
      if (!shell.json) shell.noticeLines(inWords(draft.root, changes));
      const signed = await addSignature(draft.envelope, await key.unlock(), key.publicKey);
      await directory.writeDraftEnvelope(signed);
      await answerSignatures(shell, { ...draft, envelope: signed }, newest, keyLabel(keyid, draft.root), changes);
    });
  withDirectory(withDeviceOptions(trust.command("add-signature")))
    .description("add signatures to the draft that were made elsewhere")
    .argument("[copies...]", "signed copies of the same draft")
    .addHelpText(
      "after",
      examples(
        "signet trust add-signature bob/draft.json",
        "signet trust message -o message.bin",
        "signet trust add-signature --public-key bob.pub --signature message.sig",
      ),
    )
    .action(async (copies: readonly string[], options: DeviceOptions & DirectoryOptions) => {
      const directory = new TrustDirectory(options.dir, shell.io);
      const [newest, draft] = [await directory.newest(), await directory.requireDraft()];
      requireNext(draft, newest);
      const device = await readDeviceSignature(shell, options);
      if (device === null && copies.length === 0) throw new UsageError("pass a signed copy, or --signature");
      let { envelope } = draft;
      for (const copy of copies) envelope = mergedSignatures(envelope, (await readTextFile(copy, shell.io)).trim());
      if (device !== null) envelope = await withDeviceSignature(envelope, device.key, device.signature);
      rootIn(envelope);
      await directory.writeDraftEnvelope(envelope);
      await answerSignatures(shell, { ...draft, envelope }, newest, null, changesIn(newest?.root ?? null, draft.root));
    });
}

/** Says how far the draft is. */
async function answerSignatures(
  shell: Shell,
  draft: RootFile,
  newest: RootFile | null,
  signer: string | null,
  changes: readonly string[],
): Promise<void> {
  const rules = await signaturesOn(draft, newest);
  const missing = missingIn(rules);
  const { file, root } = draft;
  shell.answer(
    () => JSON.stringify({ file, version: root.version, signer, changes, complete: missing === null, missing }),
    () =>
      `${signer === null ? "added" : `signed as ${signer}`}: ${file}\n${rules.map((it) => `  ${progressOf(it)}\n`).join("")}`,
  );
  if (shell.json) return;
  shell.notice(
    missing === null
      ? "complete: signet trust publish"
      : `not complete: give ${file} to ${missing}, or add their copies with signet trust add-signature`,
  );
}

/** Whose signatures a root still needs, in words: `1 more of alice, bob`; null when none. */
export function missingIn(rules: readonly Signed[]): string | null {
  const parts = rules.flatMap((rule) => stillNeeded(rule, rule.root) ?? []);
  return parts.length === 0 ? null : [...new Set(parts)].join(" and ");
}

/** `root 1: 1 of 2 signatures (alice)`. */
export function progressOf({ by, root, threshold, signed }: Signed): string {
  const names = shortLabels(signed, root);
  return `${by}: ${signed.length} of ${threshold} signatures${names === "" ? "" : ` (${names})`}`;
}

function sourcesOf(rules: readonly Signed[]): string {
  return rules.map(({ by }) => by).join(" nor ");
}

/** What is about to be signed. */
function inWords({ orgId, projectId, version }: Root, changes: readonly string[]): string {
  const what = version === 1 ? "says" : "changes";
  return [
    `root ${version} of project ${projectId}, organization ${orgId}, ${what}:`,
    ...changes.map((it) => `  ${it}`),
  ].join("\n");
}

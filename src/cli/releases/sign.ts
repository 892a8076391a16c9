import type { Command } from "commander";
import { addSignature, envelopeKeyId } from "../../bundle/envelope/dsse.js";
import type { Root } from "../../bundle/trust/root.js";
import { payloadDigest } from "../../bundle/trust/threshold.js";
import { InputError, UsageError } from "../shell/cli-error.js";
import { examples } from "../shell/help.js";
import type { Shell } from "../shell/shell.js";
import { readTextFile, writeFileAtomically } from "../shell/text-files.js";
import { readDeviceSignature, withDeviceOptions, type DeviceOptions } from "../trust/device-signature.js";
import { mergedSignatures, withDeviceSignature } from "../trust/envelopes.js";
import { writeMessage } from "../trust/message.js";
import { findSigningKey, SIGNING_KEY_HELP, withSigningKey, type SigningKeyOptions } from "../trust/private-keys.js";
import { keyLabel, stillNeeded } from "../trust/public-keys.js";
import { readSignedRoot } from "../trust/trust-directory.js";
import { differingFrom, otherContent, withComparedPolicy, type PolicyFiles } from "./policy-digests.js";
import {
  authorsOf,
  readRelease,
  requireProjectOf,
  withRoot,
  type ReleaseFile,
  type RootOption,
} from "./release-file.js";
import { authorsInWords, releaseInWords } from "./release-words.js";

interface SignOptions extends Partial<PolicyFiles>, RootOption, SigningKeyOptions {}

const HELP = `
Says what the release allows before the key is opened. With -f it signs only a release of that policy document: look at the document,
not at digests.${SIGNING_KEY_HELP}
`;

/** `signet release sign`, `add-signature` and `message`: the signatures of the authors. */
export function addReleaseSign(release: Command, shell: Shell): void {
  withRoot(withSigningKey(withComparedPolicy(release.command("sign"))))
    .description("sign a release as one of its authors")
    .argument("<release>", "file of the release")
    .addHelpText("after", HELP)
    .addHelpText(
      "after",
      examples(
        "signet release sign release.json -f policy.yaml --key alice.key",
        "signet release sign release.json --root root.json",
      ),
    )
    .action(async (file: string, options: SignOptions) => {
      const [found, root] = await readWithRoot(file, options, shell);
      const differing = await differingFrom(found.release, options, shell);
      if (differing.size > 0) throw otherContent(options.file, differing);
      const key = await findSigningKey(shell, options);
      const keyid = envelopeKeyId(key.publicKey);
      const authors = await authorsOf(found, root);
      if (!authors.some(({ keys }) => keys.some((it) => envelopeKeyId(it) === keyid))) {
        throw new InputError(`${key.source} is key ${keyid.slice(0, 16)}, which is no author of these environments`);
      }
      if (!shell.json) shell.noticeLines(releaseInWords(found).join("\n"));
      const envelope = await addSignature(found.envelope, await key.unlock(), key.publicKey);
      await answerSigned(shell, { ...found, envelope }, root, keyLabel(keyid, root));
    });
  withRoot(withDeviceOptions(release.command("add-signature")))
    .description("add signatures to a release that were made elsewhere")
    .argument("<release>", "file of the release")
    .argument("[copies...]", "signed copies of the same release")
    .addHelpText(
      "after",
      examples(
        "signet release add-signature release.json bob/release.json",
        "signet release add-signature release.json --public-key bob.pub --signature message.sig",
      ),
    )
    .action(async (file: string, copies: readonly string[], options: DeviceOptions & RootOption) => {
      const [found, root] = await readWithRoot(file, options, shell);
      const device = await readDeviceSignature(shell, options);
      if (device === null && copies.length === 0) throw new UsageError("pass a signed copy, or --signature");
      let { envelope } = found;
      for (const copy of copies) envelope = mergedSignatures(envelope, (await readTextFile(copy, shell.io)).trim());
      if (device !== null) envelope = await withDeviceSignature(envelope, device.key, device.signature);
      await answerSigned(shell, { ...found, envelope }, root, null);
    });
  release
    .command("message")
    .description("write the bytes that a device signs (Ed25519) for a release")
    .argument("<release>", "file of the release")
    .requiredOption("-o, --output <file>", "file for the bytes")
    .addHelpText("after", examples("signet release message release.json -o message.bin"))
    .action(async (file: string, { output }: { output: string }) => {
      await writeMessage(shell, (await readRelease(file, shell.io)).envelope, output);
    });
}

async function readWithRoot(file: string, options: RootOption, shell: Shell): Promise<readonly [ReleaseFile, Root]> {
  const found = await readRelease(file, shell.io);
  const { root } = await readSignedRoot(options.root, shell.io);
  requireProjectOf(found, root);
  return [found, root];
}

async function answerSigned(shell: Shell, signed: ReleaseFile, root: Root, signer: string | null): Promise<void> {
  await writeFileAtomically(signed.file, `${signed.envelope}\n`);
  const authors = await authorsOf(signed, root);
  const rows = authors.map((of) => ({ of, missing: stillNeeded(of, root) }));
  const digest = payloadDigest(signed.envelope);
  shell.answer(
    () => {
      const environments = rows.map(({ of: { environment, threshold, signed: by }, missing }) => {
        return { environment, threshold, signed: by.map(envelopeKeyId), missing };
      });
      const complete = rows.every(({ missing }) => missing === null);
      return JSON.stringify({ file: signed.file, digest, signer, complete, environments });
    },
    () => {
      const lines = rows.map(({ of, missing }) => {
        const rest = missing === null ? "" : `; ${missing} must sign`;
        return `  ${of.environment}: ${authorsInWords(of, root)}${rest}\n`;
      });
      return `${signer === null ? "added" : `signed as ${signer}`}: ${signed.file}\n${lines.join("")}`;
    },
  );
}

import type { Command } from "commander";
import { envelopeKeyId } from "../../bundle/envelope/dsse.js";
import { examples } from "../shell/help.js";
import type { Shell } from "../shell/shell.js";
import { createKeyFile, withNoPassphrase, writePublicKey, type PassphraseOptions } from "./private-keys.js";

const HELP = `
Makes an Ed25519 key of a person or of CI. The private key is encrypted with a passphrase of 12 to 1,024 characters, from
SIGNET_TRUST_PASSPHRASE, from the file that SIGNET_TRUST_PASSPHRASE_FILE names, or asked for twice. Only the owner can read its file,
and an existing one is not overwritten. The public key is written beside it, with .pub at the end; give it to those who change the root.
`;

/** `signet trust new-key`: a private key and its public half. */
export function addNewKey(trust: Command, shell: Shell): void {
  withNoPassphrase(trust.command("new-key"))
    .description("make a private key for roots or releases")
    .argument("<file>", "file for the private key")
    .addHelpText(
      "after",
      HELP + examples("signet trust new-key alice.key", "signet trust new-key ci.key --no-passphrase"),
    )
    .action(async (file: string, options: PassphraseOptions) => {
      const { publicKey } = await createKeyFile(shell, file, options);
      const publicFile = `${file.replace(/\.(key|pem)$/, "")}.pub`;
      await writePublicKey(publicFile, publicKey);
      const keyid = envelopeKeyId(publicKey);
      shell.answer(
        () =>
          JSON.stringify({ key_id: keyid, private_key: file, public_key: publicFile, encrypted: options.passphrase }),
        () =>
          `key ${keyid.slice(0, 16)}\nprivate  ${file}${options.passphrase ? " (encrypted)" : ""}\npublic   ${publicFile}\n`,
      );
      if (!options.passphrase) shell.notice(`${file} is not encrypted: whoever reads it can sign`);
    });
}

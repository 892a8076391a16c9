import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import type { Command } from "commander";
import { createNobleSigner } from "../../bundle/ed25519-noble.js";
import { formatPrivateKey, formatPublicKey, type PublicKey } from "../../bundle/keys.js";
import type { Signer } from "../../bundle/signer.js";
import { AppError } from "../../core/error.js";
import { parseSealedTrustKey, publicKeyOf, requirePassphrase, sealTrustKey } from "../../server/trust-key.js";
import { InputError, UsageError } from "../shell/cli-error.js";
import { readNewPassphrase, readPassphrase, type PassphraseOf } from "../shell/prompt.js";
import type { Shell } from "../shell/shell.js";
import { readTextFile, writeNewFile } from "../shell/text-files.js";

/** The part of a command's help about the key that signs. */
export const SIGNING_KEY_HELP = `
The key comes from --key, from SIGNET_TRUST_KEY (the PEM text), or from the file that SIGNET_TRUST_KEY_FILE names; the passphrase of
an encrypted one from SIGNET_TRUST_PASSPHRASE, from the file that SIGNET_TRUST_PASSPHRASE_FILE names, or is asked for.`;

/** The option of {@link withSigningKey}. */
export interface SigningKeyOptions {
  readonly key?: string;
}

/** The option of {@link withNoPassphrase}. */
export interface PassphraseOptions {
  readonly passphrase: boolean;
}

/** A private key whose passphrase was not asked for yet. */
export interface LockedKey {
  readonly publicKey: PublicKey;
  /** Its file or variable. */
  readonly source: string;
  /** Asks for the passphrase if there is one. Throws InputError for a wrong one. */
  unlock(): Promise<Signer>;
}

const PRIVATE_KEY = /-----BEGIN PRIVATE KEY-----[^]*?-----END PRIVATE KEY-----/;

/** Adds `--key`. */
export function withSigningKey(command: Command): Command {
  return command.option(
    "--key <file>",
    "private key that signs (PEM; default: SIGNET_TRUST_KEY, SIGNET_TRUST_KEY_FILE)",
  );
}

/** Adds `--no-passphrase`, for commands that make a private key. */
export function withNoPassphrase(command: Command): Command {
  return command.option("--no-passphrase", "write the private key without encrypting it");
}

/**
 * The private key that a command signs with. Throws UsageError without one, InputError for a text that is none.
 *
 * @param fallback a file that is used when it exists and no other key is named
 */
export async function findSigningKey(shell: Shell, { key }: SigningKeyOptions, fallback?: string): Promise<LockedKey> {
  const { SIGNET_TRUST_KEY: text = "", SIGNET_TRUST_KEY_FILE: file = "" } = shell.io.environment;
  if (key === undefined && text !== "") return lockedKey(shell, text.replaceAll("\\n", "\n"), "SIGNET_TRUST_KEY");
  const named = key ?? (file === "" ? undefined : file);
  const chosen = named ?? (fallback !== undefined && existsSync(fallback) ? fallback : undefined);
  if (chosen === undefined) {
    throw new UsageError("no private key: pass --key, or set SIGNET_TRUST_KEY or SIGNET_TRUST_KEY_FILE");
  }
  return lockedKey(shell, await readTextFile(chosen, shell.io), chosen);
}

/** Makes a private key, and writes it to a file that must not exist, readable by the owner alone. */
export async function createKeyFile(shell: Shell, file: string, options: PassphraseOptions): Promise<LockedKey> {
  if (existsSync(file)) throw new InputError(`${file} exists already and is not overwritten`);
  const pem = formatPrivateKey(randomBytes(32));
  let text = pem;
  if (options.passphrase) {
    const of = { ...passphraseOf(file), otherwise: ", or pass --no-passphrase" };
    const passphrase = await readNewPassphrase(shell, of, requirePassphrase);
    shell.progress("encrypting the key…");
    text = await sealTrustKey(pem, passphrase);
  }
  await writeNewFile(file, text, 0o600);
  return { publicKey: publicKeyOf(pem), source: file, unlock: async () => createNobleSigner(pem) };
}

/** The public half of a key in a text: of a public key, or of a private one, encrypted or not; null for another text. */
export function publicHalfIn(text: string): PublicKey | null {
  const sealed = parseSealedTrustKey(text);
  if (sealed !== null) return sealed.publicKey;
  const [pem] = PRIVATE_KEY.exec(text) ?? [];
  return pem === undefined ? null : publicKeyOf(pem);
}

/** The public half beside a private key. */
export async function writePublicKey(file: string, key: PublicKey): Promise<void> {
  await writeNewFile(file, formatPublicKey(key.bytes));
}

function lockedKey(shell: Shell, text: string, source: string): LockedKey {
  try {
    const sealed = parseSealedTrustKey(text);
    if (sealed !== null) {
      const unlock = async () => {
        const passphrase = await readPassphrase(shell, passphraseOf(source));
        shell.progress("decrypting the key…");
        return createNobleSigner(await openAs(source, () => sealed.open(passphrase)));
      };
      return { publicKey: sealed.publicKey, source, unlock };
    }
    const [pem] = PRIVATE_KEY.exec(text) ?? [];
    if (pem === undefined) throw new InputError(`${source} has no private key that signet trust new-key makes`);
    return { publicKey: publicKeyOf(pem), source, unlock: async () => createNobleSigner(pem) };
  } catch (thrown) {
    throw asInput(thrown, source);
  }
}

async function openAs(source: string, open: () => Promise<string>): Promise<string> {
  return await open().catch((thrown: unknown) => {
    throw asInput(thrown, source);
  });
}

/** What is wrong with a key, with its file; never with its text. */
function asInput(thrown: unknown, source: string): unknown {
  return thrown instanceof AppError ? new InputError(`${source}: ${thrown.message}`, { cause: thrown }) : thrown;
}

function passphraseOf(source: string): PassphraseOf {
  return { what: `the key ${source}`, variable: "SIGNET_TRUST_PASSPHRASE" };
}

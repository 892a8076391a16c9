import { AppError } from "../../core/error.js";
import { deriveKey, isSealed, newDerivation, seal, unseal, type Sealed } from "../keys/seal.js";

/** The least length of a passphrase, in characters. */
export const MIN_PASSPHRASE = 12;
/** The largest length of a passphrase, in characters. */
export const MAX_PASSPHRASE = 1_024;

/** The files of a data directory that hold keys: text by name. */
export type KeyFiles = Readonly<Record<string, string>>;

/** `keys.enc`. */
interface SealedFiles extends Sealed {
  readonly format: "signet-keys";
  readonly version: 1;
}

/** Throws `invalid` for a passphrase that is too short or too long; the message does not repeat it. */
export function requirePassphrase(passphrase: string): void {
  const { length } = [...passphrase];
  if (length >= MIN_PASSPHRASE && length <= MAX_PASSPHRASE) return;
  throw new AppError("invalid", `a passphrase has ${MIN_PASSPHRASE} to ${MAX_PASSPHRASE} characters`);
}

/**
 * Encrypts key files with a passphrase: scrypt and AES-256-GCM, as JSON with the parameters in it; binary values in Base64. Throws
 * `invalid` as requirePassphrase does.
 */
export async function sealKeys(files: KeyFiles, passphrase: string): Promise<string> {
  requirePassphrase(passphrase);
  const kdf = newDerivation();
  const encrypted = seal(JSON.stringify(files), await deriveKey(passphrase, kdf), kdf);
  const sealed: SealedFiles = { format: "signet-keys", version: 1, ...encrypted };
  return `${JSON.stringify(sealed, null, 2)}\n`;
}

/**
 * Decrypts what sealKeys wrote. Throws `invalid` for another passphrase, `data_loss` for anything else than key files, `conflict` for
 * a later version.
 */
export async function openSealedKeys(text: string, passphrase: string): Promise<KeyFiles> {
  const sealed = parseSealed(text);
  const opened = unseal(sealed, await deriveKey(passphrase, sealed.kdf));
  if (opened === null) throw new AppError("invalid", "the passphrase does not open the keys of this backup");
  return parseFiles(opened);
}

function parseSealed(text: string): Sealed {
  let sealed: Partial<SealedFiles> | null;
  try {
    sealed = JSON.parse(text) as Partial<SealedFiles> | null;
  } catch {
    throw malformed();
  }
  if (sealed?.format !== "signet-keys") throw malformed();
  if (sealed.version !== 1) {
    throw new AppError("conflict", "the keys were encrypted by a later release: use the release that made the backup");
  }
  if (!isSealed(sealed)) throw malformed();
  return sealed;
}

/** Names that are no plain file names would be written elsewhere. */
function parseFiles(text: string): KeyFiles {
  const files = JSON.parse(text) as Record<string, unknown>;
  for (const [name, content] of Object.entries(files)) {
    if (!isKeyFile(name) || typeof content !== "string") throw malformed();
  }
  return files as Record<string, string>;
}

/** Whether a file of a data directory holds keys: private ones, or the public ones of the last start. */
export function isKeyFile(name: string): boolean {
  return /^(?:[a-z][a-z0-9-]{0,62}-signing-key(?:\.next)?\.pem|current-keys\.json)$/.test(name);
}

function malformed(): AppError {
  return new AppError("data_loss", "keys.enc of the backup is not a file that Signet wrote");
}

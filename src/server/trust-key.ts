import { decodeBase64, encodeBase64 } from "../bundle/base64.js";
import { createNobleSigner } from "../bundle/ed25519-noble.js";
import { keyId, parsePublicKey, type PublicKey } from "../bundle/keys.js";
import { AppError } from "../core/error.js";
import { requirePassphrase } from "../service/backups/sealed-keys.js";
import { deriveKey, isSealed, newDerivation, seal, unseal, type Sealed } from "../service/keys/seal.js";

export { requirePassphrase };

/** The label of the PEM block (RFC 7468). */
const LABEL = "SIGNET ENCRYPTED KEY";

const BLOCK = new RegExp(`-----BEGIN ${LABEL}-----([A-Za-z0-9+/=\\s]{1,8192})-----END ${LABEL}-----`);

/** The content of the block, as JSON. */
interface SealedKey extends Sealed {
  readonly format: "signet-trust-key";
  readonly version: 1;
  /** Base64 of the 32 bytes of the public half, which can be told without the passphrase. */
  readonly public_key: string;
}

/** A key of people that is encrypted with a passphrase. */
export interface SealedTrustKey {
  readonly publicKey: PublicKey;
  /** Decrypts it: PEM, PKCS#8. Some tenths of a second. Throws `invalid` for another passphrase. */
  open(passphrase: string): Promise<string>;
}

/**
 * Encrypts a private key with a passphrase (scrypt and AES-256-GCM): a PEM block with JSON in it, the parameters and the public half
 * beside the ciphertext.
 *
 * @param privateKeyPem PEM, PKCS#8
 * @throws AppError `invalid` for a passphrase that is too short or too long, `signing_failed` for another key than an Ed25519 key
 */
export async function sealTrustKey(privateKeyPem: string, passphrase: string): Promise<string> {
  requirePassphrase(passphrase);
  const kdf = newDerivation();
  const public_key = encodeBase64(publicKeyOf(privateKeyPem).bytes);
  const encrypted = seal(privateKeyPem, await deriveKey(passphrase, kdf), kdf, contextOf(public_key));
  const sealed: SealedKey = { format: "signet-trust-key", version: 1, public_key, ...encrypted };
  const lines = encodeBase64(new TextEncoder().encode(JSON.stringify(sealed))).match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${LABEL}-----\n${lines.join("\n")}\n-----END ${LABEL}-----\n`;
}

/** Reads what sealTrustKey wrote; null for a text without such a block. Throws AppError `invalid` for a damaged block. */
export function parseSealedTrustKey(text: string): SealedTrustKey | null {
  if (!text.includes(`-----BEGIN ${LABEL}-----`)) return null;
  const sealed = parseSealed(text);
  const bytes = decodeBase64(sealed.public_key);
  if (bytes?.length !== 32) throw damaged();
  return {
    publicKey: { keyId: keyId(bytes), bytes },
    async open(passphrase) {
      const opened = unseal(sealed, await deriveKey(passphrase, sealed.kdf), contextOf(sealed.public_key));
      if (opened === null) throw new AppError("invalid", "the passphrase does not open the key");
      return opened;
    },
  };
}

/** The public half of a private key (PEM, PKCS#8). Throws AppError `signing_failed` for anything but an Ed25519 key. */
export function publicKeyOf(privateKeyPem: string): PublicKey {
  return parsePublicKey(createNobleSigner(privateKeyPem).publicKeyPem);
}

/** The public half is authenticated with the ciphertext: another one beside it does not open. */
function contextOf(publicKey: string): string {
  return `signet-trust-key/1 ${publicKey}`;
}

function parseSealed(text: string): SealedKey {
  const [, base64 = ""] = BLOCK.exec(text) ?? [];
  const bytes = decodeBase64(base64.replace(/\s+/g, ""));
  if (bytes === undefined) throw damaged();
  let sealed: Partial<SealedKey> | null;
  try {
    sealed = JSON.parse(new TextDecoder().decode(bytes)) as Partial<SealedKey> | null;
  } catch {
    throw damaged();
  }
  if (sealed?.format !== "signet-trust-key" || typeof sealed.public_key !== "string") throw damaged();
  if ((sealed.version as number) !== 1) throw new AppError("invalid", "the key was encrypted by a later release");
  if (!isSealed(sealed)) throw damaged();
  return sealed as SealedKey;
}

function damaged(): AppError {
  return new AppError("invalid", "the encrypted key is damaged");
}

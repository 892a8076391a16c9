import type { Instant } from "../../core/clock.js";
import { AppError } from "../../core/error.js";
import type { KeySlot, SealedKey } from "../../core/key.js";
import { deriveKey, isSealed, newDerivation, seal, unseal, type KeyDerivation, type Sealed } from "./seal.js";

/** The least length of the secret, in characters: what `openssl rand -base64 24` makes. */
export const MIN_KEY_SECRET = 32;
/** The largest length of the secret, in characters. */
export const MAX_KEY_SECRET = 1_024;

/** How the text of a secret that is refused ends. */
export const MAKE_KEY_SECRET = "make one by: openssl rand -base64 32";

/** What is encrypted: a private key as PEM, or the public half of one that a setting gives. */
export type KeyToSeal = Pick<SealedKey, "slot" | "keyId"> & { readonly pem: string; readonly at: Instant };

/**
 * Encrypts and decrypts the keys that nodes share, with a secret that only they have: scrypt and AES-256-GCM (seal.ts). Slot and key id
 * are authenticated with the key, so that a row that was moved to another slot, or changed, does not open. All keys have one derivation,
 * so that a start computes it once.
 */
export class KeySealer {
  #derivation: KeyDerivation | null = null;
  /** The key of the last derivation. */
  #key: { readonly of: string; readonly bytes: Promise<Buffer> } | null = null;

  /**
   * Throws `invalid` for a secret that is missing, too short or too long. `name` is its setting; `derivation` is for a database that has no
   * keys yet.
   */
  constructor(
    private readonly secret: string | null,
    private readonly name = "SIGNET_KEY_SECRET",
    private readonly derivation = newDerivation,
  ) {
    const length = [...(secret ?? "")].length;
    if (length === 0) {
      const message = `${name} must be set: with SIGNET_DATABASE_URL it encrypts the signing keys in the database; ${MAKE_KEY_SECRET}`;
      throw new AppError("invalid", message);
    }
    if (length >= MIN_KEY_SECRET && length <= MAX_KEY_SECRET) return;
    throw new AppError(
      "invalid",
      `${name} must have ${MIN_KEY_SECRET} to ${MAX_KEY_SECRET} characters; ${MAKE_KEY_SECRET}`,
    );
  }

  async seal({ slot, keyId, pem, at }: KeyToSeal): Promise<SealedKey> {
    const kdf = (this.#derivation ??= this.derivation());
    const sealed = seal(pem, await this.#keyOf(kdf), kdf, contextOf(slot, keyId));
    return { slot, keyId, sealed: JSON.stringify(sealed), createdAt: at };
  }

  /** The PEM of a key. Throws `invalid` for another secret or a row that was changed, `data_loss` for one that Signet did not write. */
  async open({ slot, keyId, sealed: text }: SealedKey): Promise<string> {
    const sealed = parseSealed(text);
    const pem = unseal(sealed, await this.#keyOf(sealed.kdf), contextOf(slot, keyId));
    if (pem === null) {
      const message = `${this.name} does not open the key ${keyId} (${slot}) in the database: give this node the secret of the others`;
      throw new AppError("invalid", message);
    }
    // From here on all rows have one.
    this.#derivation = sealed.kdf;
    return pem;
  }

  /** Whether a row has the salt of the keys that this sealer makes: then it opens with the same secret. */
  hasSealed({ sealed }: SealedKey): boolean {
    return parseSealed(sealed).kdf.salt === this.#derivation?.salt;
  }

  #keyOf(kdf: KeyDerivation): Promise<Buffer> {
    const of = JSON.stringify([kdf.N, kdf.r, kdf.p, kdf.salt]);
    if (this.#key?.of !== of) this.#key = { of, bytes: deriveKey(this.secret ?? "", kdf) };
    return this.#key.bytes;
  }
}

function contextOf(slot: KeySlot, keyId: string): string {
  return ["signet-sealed-key-v1", slot, keyId].join("\0");
}

function parseSealed(text: string): Sealed {
  try {
    const sealed: unknown = JSON.parse(text);
    if (isSealed(sealed)) return sealed;
  } catch {
    // As any other text.
  }
  throw new AppError("data_loss", "a key in the database is not one that Signet wrote");
}

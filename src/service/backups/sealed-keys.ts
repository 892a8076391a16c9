import { createCipheriv, createDecipheriv, randomBytes, scrypt } from "node:crypto";
import { AppError } from "../../core/error.js";

/** The least length of a passphrase, in characters. */
export const MIN_PASSPHRASE = 12;
/** The largest length of a passphrase, in characters. */
export const MAX_PASSPHRASE = 1_024;

/** The files of a data directory that hold keys: text by name. */
export type KeyFiles = Readonly<Record<string, string>>;

/** 128 MiB and some tenths of a second (RFC 7914; OWASP's recommendation for N). */
const SCRYPT = { N: 2 ** 17, r: 8, p: 1 } as const;
/** What a file may ask for: its parameters are another's choice. */
const MAX_N = 2 ** 20;
const KEY_BYTES = 32;
/** NIST SP 800-38D, 5.2.1.1: 96 bits. */
const IV_BYTES = 12;
const TAG_BYTES = 16;

interface ScryptParameters {
  readonly N: number;
  readonly r: number;
  readonly p: number;
}

interface Sealed {
  readonly format: "signet-keys";
  readonly version: 1;
  readonly kdf: {
    readonly name: "scrypt";
    readonly N: number;
    readonly r: number;
    readonly p: number;
    readonly salt: string;
  };
  readonly cipher: { readonly name: "aes-256-gcm"; readonly iv: string; readonly tag: string };
  readonly data: string;
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
  const salt = randomBytes(16);
  const iv = randomBytes(IV_BYTES);
  const cipher = createCipheriv("aes-256-gcm", await derive(passphrase, salt, SCRYPT), iv, {
    authTagLength: TAG_BYTES,
  });
  const data = Buffer.concat([cipher.update(JSON.stringify(files), "utf8"), cipher.final()]);
  const sealed: Sealed = {
    ...{ format: "signet-keys", version: 1 },
    kdf: { name: "scrypt", ...SCRYPT, salt: salt.toString("base64") },
    cipher: { name: "aes-256-gcm", iv: iv.toString("base64"), tag: cipher.getAuthTag().toString("base64") },
    data: data.toString("base64"),
  };
  return `${JSON.stringify(sealed, null, 2)}\n`;
}

/**
 * Decrypts what sealKeys wrote. Throws `invalid` for another passphrase, `data_loss` for anything else than key files, `conflict` for
 * a later version.
 */
export async function openSealedKeys(text: string, passphrase: string): Promise<KeyFiles> {
  const { kdf, cipher, data } = parseSealed(text);
  const iv = Buffer.from(cipher.iv, "base64");
  const tag = Buffer.from(cipher.tag, "base64");
  if (iv.length !== IV_BYTES || tag.length !== TAG_BYTES) throw malformed();
  const key = await derive(passphrase, Buffer.from(kdf.salt, "base64"), kdf);
  const decipher = createDecipheriv("aes-256-gcm", key, iv, { authTagLength: TAG_BYTES });
  decipher.setAuthTag(tag);
  let opened: string;
  try {
    opened = Buffer.concat([decipher.update(data, "base64"), decipher.final()]).toString("utf8");
  } catch (cause) {
    throw new AppError("invalid", "the passphrase does not open the keys of this backup", { cause });
  }
  return parseFiles(opened);
}

function parseSealed(text: string): Sealed {
  let sealed: Partial<Sealed> | null;
  try {
    sealed = JSON.parse(text) as Partial<Sealed> | null;
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

function isSealed(sealed: Partial<Sealed>): sealed is Sealed {
  const kdf: Partial<Sealed["kdf"]> = sealed.kdf ?? {};
  const cipher: Partial<Sealed["cipher"]> = sealed.cipher ?? {};
  const isKnown = kdf.name === "scrypt" && kdf.r === SCRYPT.r && kdf.p === SCRYPT.p && cipher.name === "aes-256-gcm";
  const isBounded = Number.isInteger(kdf.N) && (kdf.N ?? 0) > 1 && (kdf.N ?? 0) <= MAX_N;
  return isKnown && isBounded && [kdf.salt, cipher.iv, cipher.tag, sealed.data].every((it) => typeof it === "string");
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

function derive(passphrase: string, salt: Buffer, { N, r, p }: ScryptParameters): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const options = { N, r, p, maxmem: 256 * N * r };
    // In NFC: keyboards and systems write the same character in different ways.
    scrypt(passphrase.normalize("NFC"), salt, KEY_BYTES, options, (error, key) =>
      error === null ? resolve(key) : reject(error),
    );
  });
}

function malformed(): AppError {
  return new AppError("data_loss", "keys.enc of the backup is not a file that Signet wrote");
}

import { createCipheriv, createDecipheriv, randomBytes, scrypt } from "node:crypto";

/** 128 MiB and some tenths of a second (RFC 7914; OWASP's recommendation for N). */
const SCRYPT = { name: "scrypt", N: 2 ** 17, r: 8, p: 1 } as const;
/** What a text may ask for: its parameters are another's choice. */
const MAX_N = 2 ** 20;
const KEY_BYTES = 32;
/** NIST SP 800-38D, 5.2.1.1: 96 bits. */
const IV_BYTES = 12;
const TAG_BYTES = 16;

/** How a secret becomes a key. */
export interface KeyDerivation {
  readonly name: "scrypt";
  readonly N: number;
  readonly r: number;
  readonly p: number;
  /** Base64. */
  readonly salt: string;
}

/** A text that is encrypted with a secret, with all parameters but the secret. Binary values are Base64. */
export interface Sealed {
  readonly kdf: KeyDerivation;
  readonly cipher: { readonly name: "aes-256-gcm"; readonly iv: string; readonly tag: string };
  readonly data: string;
}

/** A derivation with a new salt. */
export function newDerivation(): KeyDerivation {
  return { ...SCRYPT, salt: randomBytes(16).toString("base64") };
}

/** The key that a secret has by a derivation: some tenths of a second on another thread. */
export function deriveKey(secret: string, { N, r, p, salt }: KeyDerivation): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const options = { N, r, p, maxmem: 256 * N * r };
    // In NFC: keyboards and systems write the same character in different ways.
    scrypt(secret.normalize("NFC"), Buffer.from(salt, "base64"), KEY_BYTES, options, (error, key) =>
      error === null ? resolve(key) : reject(error),
    );
  });
}

/** Encrypts a text by AES-256-GCM with the key of `kdf`. It opens in the same context only; "" is none. */
export function seal(text: string, key: Buffer, kdf: KeyDerivation, context = ""): Sealed {
  const iv = randomBytes(IV_BYTES);
  const cipher = createCipheriv("aes-256-gcm", key, iv, { authTagLength: TAG_BYTES });
  cipher.setAAD(Buffer.from(context));
  const data = Buffer.concat([cipher.update(text, "utf8"), cipher.final()]);
  return {
    kdf,
    cipher: { name: "aes-256-gcm", iv: iv.toString("base64"), tag: cipher.getAuthTag().toString("base64") },
    data: data.toString("base64"),
  };
}

/** Decrypts what `seal` made; null for another key, another context or a changed text. */
export function unseal({ cipher, data }: Sealed, key: Buffer, context = ""): string | null {
  const iv = Buffer.from(cipher.iv, "base64");
  const decipher = createDecipheriv("aes-256-gcm", key, iv, { authTagLength: TAG_BYTES });
  decipher.setAAD(Buffer.from(context));
  decipher.setAuthTag(Buffer.from(cipher.tag, "base64"));
  try {
    return Buffer.concat([decipher.update(data, "base64"), decipher.final()]).toString("utf8");
  } catch {
    return null;
  }
}

/** Whether a value is what `seal` makes, with parameters within bounds. */
export function isSealed(value: unknown): value is Sealed {
  const sealed = (value ?? {}) as Partial<Sealed>;
  const kdf: Partial<Sealed["kdf"]> = sealed.kdf ?? {};
  const cipher: Partial<Sealed["cipher"]> = sealed.cipher ?? {};
  const isKnown = kdf.name === "scrypt" && kdf.r === SCRYPT.r && kdf.p === SCRYPT.p && cipher.name === "aes-256-gcm";
  const isBounded = Number.isInteger(kdf.N) && (kdf.N ?? 0) > 1 && (kdf.N ?? 0) <= MAX_N;
  const isText = [kdf.salt, cipher.iv, cipher.tag, sealed.data].every((it) => typeof it === "string");
  if (!isKnown || !isBounded || !isText) return false;
  return bytesOf(cipher.iv) === IV_BYTES && bytesOf(cipher.tag) === TAG_BYTES;
}

function bytesOf(base64: string | undefined): number {
  return Buffer.from(base64 ?? "", "base64").length;
}

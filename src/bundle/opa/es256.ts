import { p256 } from "@noble/curves/nist.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex, concatBytes, hexToBytes } from "@noble/hashes/utils.js";
import { AppError } from "../../core/error.js";
import { decodeBase64, encodeBase64 } from "../base64.js";
import type { Signer } from "../signer.js";

/** A P-256 public key. */
export interface Es256PublicKey {
  /** The first 16 hex digits of the SHA-256 of its SubjectPublicKeyInfo. */
  readonly keyId: string;
  /** The uncompressed point (SEC 1, section 2.3.3): 65 bytes. */
  readonly bytes: Uint8Array;
}

/** SubjectPublicKeyInfo of a P-256 key, up to the point (RFC 5480, section 2). */
const SPKI_PREFIX = hexToBytes("3059301306072a8648ce3d020106082a8648ce3d030107034200");
/** PKCS#8 of a P-256 key, up to the scalar, and between it and the point (RFC 5208, RFC 5915). */
const PKCS8_PREFIX = hexToBytes("308187020100301306072a8648ce3d020106082a8648ce3d030107046d306b0201010420");
const PKCS8_MIDDLE = hexToBytes("a144034200");

const SCALAR_BYTES = 32;
const POINT_BYTES = 65;
/** Longer than the PEM of any P-256 key, whatever its line breaks. */
const MAX_PEM_LENGTH = 1024;

/** Signatures are r and s, 32 bytes each (RFC 7518, section 3.4). Both halves of s are valid there. */
const OPTIONS = { prehash: false, lowS: false, format: "compact" } as const;

/** A new private key: PEM, PKCS#8, as OpenSSL and Node write it. */
export function createEs256Key(): string {
  return formatPem("PRIVATE KEY", privateDer(p256.utils.randomSecretKey()));
}

/**
 * A signer with a P-256 key: ECDSA over SHA-256 with the deterministic nonce of RFC 6979, so that every node makes the same signature.
 * Takes about a millisecond, and what the hash of the message takes.
 *
 * @param privateKeyPem as {@link createEs256Key} writes it
 * @param hash SHA-256; may be a faster implementation than the portable one
 * @throws AppError `signing_failed` for anything else; it does not repeat the text, which is a secret
 */
export function createEs256Signer(privateKeyPem: string, hash: (message: Uint8Array) => Uint8Array = sha256): Signer {
  const scalar = parsePrivateKey(privateKeyPem);
  const point = p256.getPublicKey(scalar, false);
  return {
    keyId: keyIdOf(point),
    publicKeyPem: formatPem("PUBLIC KEY", concatBytes(SPKI_PREFIX, point)),
    sign: (message) => Promise.resolve(p256.sign(hash(message), scalar, OPTIONS)),
  };
}

/** Whether a signature of r and s over the message is this key's. False for any other length. */
export function verifyEs256({ bytes }: Es256PublicKey, message: Uint8Array, signature: Uint8Array): boolean {
  try {
    return p256.verify(signature, sha256(message), bytes, OPTIONS);
  } catch {
    return false;
  }
}

/**
 * Reads a PEM SubjectPublicKeyInfo P-256 public key; `\n` written as two characters is a line break.
 *
 * @throws AppError `invalid` for anything else
 */
export function parseEs256PublicKey(pem: string): Es256PublicKey {
  const der = parsePem(pem, "PUBLIC KEY");
  const bytes = der?.slice(SPKI_PREFIX.length);
  const isKey = der !== undefined && bytes?.length === POINT_BYTES && startsWith(der, SPKI_PREFIX);
  if (!isKey || bytes === undefined || !p256.utils.isValidPublicKey(bytes, false)) {
    throw new AppError("invalid", "the public key is not a PEM SubjectPublicKeyInfo P-256 public key");
  }
  return { keyId: keyIdOf(bytes), bytes };
}

function parsePrivateKey(pem: string): Uint8Array {
  const der = parsePem(pem, "PRIVATE KEY");
  const scalar = der?.slice(PKCS8_PREFIX.length, PKCS8_PREFIX.length + SCALAR_BYTES);
  // Written again it is the same: prefix, length and point are right.
  if (der !== undefined && scalar !== undefined && p256.utils.isValidSecretKey(scalar)) {
    const written = privateDer(scalar);
    if (der.length === written.length && startsWith(der, written)) return scalar;
  }
  throw new AppError("signing_failed", "the OPA signing key is not a PEM PKCS#8 P-256 private key");
}

function privateDer(scalar: Uint8Array): Uint8Array {
  return concatBytes(PKCS8_PREFIX, scalar, PKCS8_MIDDLE, p256.getPublicKey(scalar, false));
}

function keyIdOf(point: Uint8Array): string {
  return bytesToHex(sha256(concatBytes(SPKI_PREFIX, point))).slice(0, 16);
}

function formatPem(label: string, der: Uint8Array): string {
  const lines = encodeBase64(der).match(/.{1,64}/g) ?? [];
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ""].join("\n");
}

function parsePem(pem: string, label: string): Uint8Array | undefined {
  if (pem.length > MAX_PEM_LENGTH) return undefined;
  const text = pem.replaceAll("\\r", "\r").replaceAll("\\n", "\n").trim();
  const [begin, end] = [`-----BEGIN ${label}-----`, `-----END ${label}-----`];
  if (!text.startsWith(begin) || !text.endsWith(end)) return undefined;
  return decodeBase64(text.slice(begin.length, -end.length).replace(/\s+/g, ""));
}

function startsWith(bytes: Uint8Array, prefix: Uint8Array): boolean {
  return bytes.length >= prefix.length && prefix.every((byte, i) => bytes[i] === byte);
}

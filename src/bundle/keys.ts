import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex, concatBytes, hexToBytes } from "@noble/hashes/utils.js";
import { AppError } from "../core/error.js";
import { decodeBase64, encodeBase64 } from "./base64.js";

/** A trusted public key. */
export interface PublicKey {
  /** 16 hex digits, see {@link keyId}. */
  readonly keyId: string;
  /** 32 bytes. */
  readonly bytes: Uint8Array;
}

/** PKCS#8 (RFC 5208) of an Ed25519 key without its public half, up to the seed (RFC 8410, section 7). */
const PKCS8_PREFIX = hexToBytes("302e020100300506032b657004220420");

/** SubjectPublicKeyInfo of an Ed25519 key, up to the key (RFC 8410, section 4). */
const SPKI_PREFIX = hexToBytes("302a300506032b6570032100");

/** Longer than the PEM of any Ed25519 key, whatever its line breaks. */
const MAX_PEM_LENGTH = 1024;

/**
 * Reads the 32-byte seed of a PEM PKCS#8 Ed25519 private key; `\n` written as two characters is a line break.
 *
 * @throws AppError `signing_failed` for anything else; it does not repeat the text, which may be a secret
 */
export function parsePrivateKey(pem: string): Uint8Array {
  const seed = parsePem(pem, "PRIVATE KEY", PKCS8_PREFIX);
  if (seed === undefined)
    throw new AppError("signing_failed", "the signing key is not a PEM PKCS#8 Ed25519 private key");
  return seed;
}

/**
 * Reads a PEM SubjectPublicKeyInfo Ed25519 public key; `\n` written as two characters is a line break.
 *
 * @throws AppError `invalid` for anything else
 */
export function parsePublicKey(pem: string): PublicKey {
  const bytes = parsePem(pem, "PUBLIC KEY", SPKI_PREFIX);
  if (bytes === undefined) {
    throw new AppError("invalid", "the public key is not a PEM SubjectPublicKeyInfo Ed25519 public key");
  }
  return { keyId: keyId(bytes), bytes };
}

/** PEM, PKCS#8, of a 32-byte seed. */
export function formatPrivateKey(seed: Uint8Array): string {
  return formatPem("PRIVATE KEY", PKCS8_PREFIX, seed);
}

/** PEM, SubjectPublicKeyInfo, of a 32-byte public key. */
export function formatPublicKey(publicKey: Uint8Array): string {
  return formatPem("PUBLIC KEY", SPKI_PREFIX, publicKey);
}

/** The id of a 32-byte public key: the first 16 hex digits of the SHA-256 of its SubjectPublicKeyInfo. */
export function keyId(publicKey: Uint8Array): string {
  return bytesToHex(sha256(concatBytes(SPKI_PREFIX, publicKey))).slice(0, 16);
}

/** The SubjectPublicKeyInfo of a public key, DER (RFC 8410, section 4). */
export function spkiOf({ bytes }: PublicKey): Uint8Array {
  return concatBytes(SPKI_PREFIX, bytes);
}

function formatPem(label: string, prefix: Uint8Array, key: Uint8Array): string {
  // A defect of the caller: the prefix contains the length.
  if (key.length !== 32) throw new TypeError(`an Ed25519 key has 32 bytes, not ${key.length}`);
  return `-----BEGIN ${label}-----\n${encodeBase64(concatBytes(prefix, key))}\n-----END ${label}-----\n`;
}

function parsePem(pem: string, label: string, prefix: Uint8Array): Uint8Array | undefined {
  if (pem.length > MAX_PEM_LENGTH) return undefined;
  const text = pem.replaceAll("\\r", "\r").replaceAll("\\n", "\n").trim();
  const [begin, end] = [`-----BEGIN ${label}-----`, `-----END ${label}-----`];
  if (!text.startsWith(begin) || !text.endsWith(end)) return undefined;
  const der = decodeBase64(text.slice(begin.length, -end.length).replace(/\s+/g, ""));
  if (der?.length !== prefix.length + 32 || !prefix.every((byte, i) => der[i] === byte)) return undefined;
  return der.slice(prefix.length);
}

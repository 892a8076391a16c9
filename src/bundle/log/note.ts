import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex, concatBytes } from "@noble/hashes/utils.js";
import { decodeBase64, encodeBase64 } from "../base64.js";
import type { Signer, Verifier } from "../signer.js";
import { LogError } from "./log-error.js";

// C2SP signed-note (https://c2sp.org/signed-note).

/** Type bytes of keys: of an Ed25519 signature of the text, and of a witness's cosignature with its time (tlog-cosignature). */
export const NOTE_KEY_TYPES = { ed25519: 0x01, cosignature: 0x04 } as const;

/** The kind of a key. */
export type NoteKeyType = keyof typeof NOTE_KEY_TYPES;

/** A key that verifies signatures of notes. */
export interface NoteKey {
  readonly name: string;
  readonly type: NoteKeyType;
  /** 32 bytes, Ed25519. */
  readonly publicKey: Uint8Array;
}

/** One signature line. */
export interface NoteSignature {
  readonly name: string;
  /** Eight hex digits. */
  readonly keyId: string;
  readonly bytes: Uint8Array;
}

/** A note before any signature of it was verified: its text must not be used yet. */
export interface Note {
  /** With the last line feed. */
  readonly text: string;
  readonly signatures: readonly NoteSignature[];
}

/** Notes are small: the largest checkpoint with 32 signatures has less. */
export const MAX_NOTE_CHARACTERS = 64 * 1024;
const MAX_SIGNATURES = 32;
const DASH = "\u2014 ";
/** What the name of a key must not have: Unicode spaces and plus. */
const NAME = /^[^\s\u0085+]+$/u;
// eslint-disable-next-line no-control-regex -- The format bars these.
const CONTROL = /[\u0000-\u0009\u000b-\u001f]/;

/** The id of a key: the first four bytes of SHA-256 of name, line feed, type byte and key, as eight hex digits. */
export function noteKeyId({ name, type, publicKey }: NoteKey): string {
  const start = new TextEncoder().encode(`${name}\n`);
  return bytesToHex(sha256(concatBytes(start, Uint8Array.of(NOTE_KEY_TYPES[type]), publicKey)).subarray(0, 4));
}

/** A verifier key as text: `<name>+<key id>+<base64 of type byte and key>`. */
export function formatNoteKey(key: NoteKey): string {
  const material = encodeBase64(concatBytes(Uint8Array.of(NOTE_KEY_TYPES[key.type]), key.publicKey));
  return `${key.name}+${noteKeyId(key)}+${material}`;
}

/** The inverse of {@link formatNoteKey}. Throws LogError `malformed`, also for an id that is not the key's. */
export function parseNoteKey(text: string): NoteKey {
  const [name = "", id = ""] = text.split("+", 2);
  const material = decodeBase64(text.slice(name.length + id.length + 2));
  const type = typeOf(material?.[0]);
  if (!NAME.test(name) || type === undefined || material?.length !== 33) {
    throw new LogError("malformed", "this is not a verifier key: <name>+<key id>+<base64 of type and Ed25519 key>");
  }
  const key = { name, type, publicKey: material.slice(1) };
  if (noteKeyId(key) !== id) throw new LogError("malformed", `the verifier key of ${name} does not have the id ${id}`);
  return key;
}

function typeOf(byte: number | undefined): NoteKeyType | undefined {
  const types = Object.entries(NOTE_KEY_TYPES) as [NoteKeyType, number][];
  return types.find(([, value]) => value === byte)?.[0];
}

/** Reads a note. Throws LogError `malformed`. Verifies nothing. */
export function parseNote(text: string): Note {
  const malformed = (why: string) => new LogError("malformed", `this is not a signed note: ${why}`);
  if (text.length > MAX_NOTE_CHARACTERS) throw malformed(`it has more than ${MAX_NOTE_CHARACTERS} characters`);
  if (CONTROL.test(text) || !text.isWellFormed()) throw malformed("it has control characters or is not UTF-8");
  // The last empty line is where the text ends.
  const end = text.lastIndexOf("\n\n");
  if (end < 0 || !text.endsWith("\n")) throw malformed("it has no empty line before its signatures");
  const lines = text.slice(end + 2, -1).split("\n");
  if (lines.length > MAX_SIGNATURES) throw malformed(`it has more than ${MAX_SIGNATURES} signatures`);
  const signatures = lines.map((line) => {
    const signature = parseSignature(line);
    if (signature === undefined) throw malformed("a signature line is broken");
    return signature;
  });
  return { text: text.slice(0, end + 1), signatures };
}

function parseSignature(line: string): NoteSignature | undefined {
  if (!line.startsWith(DASH)) return undefined;
  const [name = "", encoded = "", ...more] = line.slice(DASH.length).split(" ");
  const bytes = decodeBase64(encoded);
  if (!NAME.test(name) || more.length > 0 || bytes === undefined || bytes.length < 5) return undefined;
  return { name, keyId: bytesToHex(bytes.subarray(0, 4)), bytes: bytes.slice(4) };
}

/** A note as text. `text` must end with a line feed. */
export function formatNote({ text, signatures }: Note): string {
  const lines = signatures.map(({ name, keyId, bytes }) => {
    const id = Uint8Array.from(keyId.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
    return `${DASH}${name} ${encodeBase64(concatBytes(id, bytes))}\n`;
  });
  return `${text}\n${lines.join("")}`;
}

/** The signature of a text, by an Ed25519 key under this name. */
export async function signNote(
  text: string,
  name: string,
  signer: Signer,
  publicKey: Uint8Array,
): Promise<NoteSignature> {
  const keyId = noteKeyId({ name, type: "ed25519", publicKey });
  return { name, keyId, bytes: await signer.sign(new TextEncoder().encode(text)) };
}

/** A key that signed a note. */
export interface NoteSigner {
  readonly key: NoteKey;
  /** When a witness cosigned, in seconds since 1970; null for a signature without a time. */
  readonly signedAt: number | null;
}

/**
 * The keys that signed a note, of those that are trusted; signatures of others are ignored. Throws LogError `bad_signature` if a trusted
 * key's signature does not verify, and `unknown_key` if none of the trusted keys signed.
 */
export async function verifyNote(
  { text, signatures }: Note,
  keys: readonly NoteKey[],
  verifier: Verifier,
): Promise<readonly NoteSigner[]> {
  const signers = new Map<NoteKey, NoteSigner>();
  for (const signature of signatures) {
    const key = keys.find((it) => it.name === signature.name && noteKeyId(it) === signature.keyId);
    if (key === undefined || signers.has(key)) continue;
    const signed = signedMessage(text, key.type, signature.bytes);
    if (signed === undefined || !(await verifier.verify(key.publicKey, signed.message, signed.signature))) {
      throw new LogError("bad_signature", `the signature of ${key.name} does not verify`);
    }
    signers.set(key, { key, signedAt: signed.signedAt });
  }
  if (signers.size === 0) throw new LogError("unknown_key", "no trusted key signed it");
  return [...signers.values()];
}

/** What a signature of this type signs, and when. A cosignature begins with its time, eight bytes, which is signed too. */
function signedMessage(text: string, type: NoteKeyType, bytes: Uint8Array) {
  const encoder = new TextEncoder();
  if (type === "ed25519") {
    return bytes.length === 64 ? { message: encoder.encode(text), signature: bytes, signedAt: null } : undefined;
  }
  if (bytes.length !== 72) return undefined;
  const time = new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0);
  if (time > BigInt(Number.MAX_SAFE_INTEGER)) return undefined;
  const message = encoder.encode(`cosignature/v1\ntime ${time}\n${text}`);
  return { message, signature: bytes.subarray(8), signedAt: Number(time) };
}

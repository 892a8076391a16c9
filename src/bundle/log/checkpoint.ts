import { decodeBase64, encodeBase64 } from "../base64.js";
import type { Verifier } from "../signer.js";
import { LogError } from "./log-error.js";
import { HASH_BYTES, type TreeHead } from "./merkle.js";
import { parseNote, verifyNote, type NoteKey, type NoteSigner } from "./note.js";

// C2SP tlog-checkpoint (https://c2sp.org/tlog-checkpoint).

/** The head of a log's tree: the text of a signed note. */
export interface Checkpoint extends TreeHead {
  /** The log's identity. */
  readonly origin: string;
}

/** The text that is signed: origin, size and root, a line each. */
export function formatCheckpoint({ origin, size, root }: Checkpoint): string {
  return `${origin}\n${size}\n${encodeBase64(root)}\n`;
}

/** Reads the text of a note as a checkpoint; extension lines are ignored. Throws LogError `malformed`. */
export function parseCheckpoint(text: string): Checkpoint {
  const [origin = "", size = "", encoded = "", ...rest] = text.split("\n");
  const root = decodeBase64(encoded);
  const isComplete = rest.at(-1) === "" && rest.slice(0, -1).every((line) => line !== "");
  const isSize = /^(0|[1-9][0-9]{0,15})$/.test(size) && Number.isSafeInteger(Number(size));
  if (origin === "" || !isSize || root?.length !== HASH_BYTES || !isComplete) {
    throw new LogError("malformed", "this is not a checkpoint: origin, size and root hash, a line each");
  }
  return { origin, size: Number(size), root };
}

/** A checkpoint whose signatures were verified. */
export interface OpenedCheckpoint extends Checkpoint {
  /** The trusted keys that signed it. */
  readonly signers: readonly NoteSigner[];
}

/** The keys of a log, by the log's origin, which is their name: a log that goes on under a new origin has the same keys. */
export function logKeys(origin: string, publicKeys: readonly Uint8Array[]): readonly NoteKey[] {
  return publicKeys.map((publicKey) => ({ name: origin, type: "ed25519", publicKey }));
}

/**
 * Verifies a signed checkpoint. The log itself must have signed it: witnesses' signatures alone do not make it one.
 *
 * Throws LogError `malformed`, `unknown_key`, `bad_signature`.
 */
export async function openCheckpoint(
  note: string,
  publicKeys: readonly Uint8Array[],
  verifier: Verifier,
  witnesses: readonly NoteKey[] = [],
): Promise<OpenedCheckpoint> {
  const parsed = parseNote(note);
  const checkpoint = parseCheckpoint(parsed.text);
  const keys = logKeys(checkpoint.origin, publicKeys);
  const signers = await verifyNote(parsed, [...keys, ...witnesses], verifier);
  if (!signers.some(({ key }) => keys.includes(key))) throw new LogError("unknown_key", "the log did not sign it");
  return { ...checkpoint, signers };
}

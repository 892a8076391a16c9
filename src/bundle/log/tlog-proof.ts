import { bytesToHex } from "@noble/hashes/utils.js";
import { decodeBase64, encodeBase64 } from "../base64.js";
import type { Verifier } from "../signer.js";
import { openCheckpoint, type OpenedCheckpoint } from "./checkpoint.js";
import { leafData } from "./leaf.js";
import { LogError } from "./log-error.js";
import { HASH_BYTES, leafHash, verifyInclusion, type Hash } from "./merkle.js";
import { MAX_NOTE_CHARACTERS, type NoteKey } from "./note.js";

// C2SP tlog-proof (https://c2sp.org/tlog-proof).

/** A proof that a leaf is in a log: offline, all in one text. */
export interface TlogProof {
  /** The SHA-256 of the event that made the activation: what a verifier needs besides the activation to make the leaf. */
  readonly extra: Uint8Array | null;
  /** From 0. */
  readonly index: number;
  /** From the leaf's sibling up. */
  readonly hashes: readonly Hash[];
  /** The signed note. */
  readonly checkpoint: string;
}

const HEADER = "c2sp.org/tlog-proof@v1";
/** More than the levels of any tree. */
const MAX_HASHES = 64;
const MAX_EXTRA_BYTES = 1024;

/** A proof as text. */
export function formatTlogProof({ extra, index, hashes, checkpoint }: TlogProof): string {
  const lines = [
    HEADER,
    ...(extra === null ? [] : [`extra ${encodeBase64(extra)}`]),
    `index ${index}`,
    ...hashes.map(encodeBase64),
  ];
  return `${lines.join("\n")}\n\n${checkpoint}`;
}

/** Reads a proof. Throws LogError `malformed`. Verifies nothing. */
export function parseTlogProof(text: string): TlogProof {
  const malformed = (why: string) => new LogError("malformed", `this is not a ${HEADER}: ${why}`);
  const end = text.indexOf("\n\n");
  if (end < 0 || end > MAX_NOTE_CHARACTERS) throw malformed("it has no empty line before its checkpoint");
  const [header, ...lines] = text.slice(0, end).split("\n");
  if (header !== HEADER) throw malformed("it does not begin with that line");
  const extra = lines[0]?.startsWith("extra ") === true ? decodeBase64(lines.shift()?.slice(6) ?? "") : null;
  if (extra === undefined || (extra !== null && extra.length > MAX_EXTRA_BYTES)) throw malformed("its extra data");
  const index = /^index (0|[1-9][0-9]{0,15})$/.exec(lines.shift() ?? "")?.[1];
  if (index === undefined || !Number.isSafeInteger(Number(index))) throw malformed("it has no index");
  if (lines.length > MAX_HASHES) throw malformed(`it has more than ${MAX_HASHES} hashes`);
  const hashes = lines.map((line) => {
    const hash = decodeBase64(line);
    if (hash?.length !== HASH_BYTES) throw malformed("a hash is not 32 bytes in base64");
    return hash;
  });
  return { extra, index: Number(index), hashes, checkpoint: text.slice(end + 2) };
}

/** Verifies that a leaf is in the log whose keys these are. Throws LogError. */
export async function verifyTlogProof(
  proof: TlogProof,
  leaf: Uint8Array,
  publicKeys: readonly Uint8Array[],
  verifier: Verifier,
  witnesses: readonly NoteKey[] = [],
): Promise<OpenedCheckpoint> {
  const checkpoint = await openCheckpoint(proof.checkpoint, publicKeys, verifier, witnesses);
  if (!verifyInclusion(proof.index, checkpoint.size, leafHash(leaf), proof.hashes, checkpoint.root)) {
    throw new LogError("not_included", `the leaf is not number ${proof.index} of the log of ${checkpoint.size}`);
  }
  return checkpoint;
}

/** As {@link verifyTlogProof}, of an activation: by the hex SHA-256 of its payload, and the event's hash in the proof. */
export async function verifyActivationProof(
  text: string,
  activation: string,
  publicKeys: readonly Uint8Array[],
  verifier: Verifier,
  witnesses: readonly NoteKey[] = [],
): Promise<OpenedCheckpoint> {
  const proof = parseTlogProof(text);
  if (proof.extra?.length !== HASH_BYTES) throw new LogError("malformed", "the proof has no hash of an event");
  const leaf = leafData(`sha256:${bytesToHex(proof.extra)}`, activation);
  return await verifyTlogProof(proof, leaf, publicKeys, verifier, witnesses);
}

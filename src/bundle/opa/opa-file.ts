import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";

/** A file of an archive. */
export interface OpaFile {
  /** Its path in the archive, without a leading `/`. */
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** Lower-case hex of the SHA-256 of bytes. */
export type Sha256HexOf = (bytes: Uint8Array) => string;

/** The portable {@link Sha256HexOf}. */
export function portableSha256Hex(bytes: Uint8Array): string {
  return bytesToHex(sha256(bytes));
}

/** The files in the order of an archive: by the code points of their names. */
export function inArchiveOrder(files: readonly OpaFile[]): readonly OpaFile[] {
  const encoder = new TextEncoder();
  const keyed = files.map((file) => ({ file, key: encoder.encode(file.name) }));
  return keyed.sort((a, b) => compareBytes(a.key, b.key)).map(({ file }) => file);
}

function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const at = a.findIndex((byte, i) => byte !== b[i]);
  return at < 0 ? a.length - b.length : (a[at] ?? 0) - (b[at] ?? -1);
}

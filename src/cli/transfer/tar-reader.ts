import type { FileHandle } from "node:fs/promises";
import { CheckFailedError } from "../shell/cli-error.js";
import { TAR_BLOCK_BYTES, TAR_END_BYTES, tarChecksum, tarPadding } from "../../tar/tar-header.js";

/** A regular file in a tar file. */
export interface TarEntry {
  readonly name: string;
  /** Where its content begins. */
  readonly offset: number;
  /** In bytes. */
  readonly size: number;
}

/** Bounds of {@link readTarEntries}. */
export interface TarBounds {
  readonly maxEntries: number;
  /** Names that an entry may have. */
  readonly isName: (name: string) => boolean;
}

/** The extended headers of tools (pax) that are skipped have at most so many bytes. */
const MAX_EXTENSION_BYTES = 64 * 1024;
/** Tools pad a file to a multiple of a record of 20 blocks; more is refused. */
const MAX_END_BYTES = 1024 * 1024;

/**
 * The regular files of a tar file, with nothing left unchecked: each byte of a header is covered by its checksum, padding is zero, and
 * nothing follows the end. Directories and pax headers, which tools write, are skipped. Contents are not read.
 *
 * @param fileSize of the whole file, in bytes
 * @throws CheckFailedError (`malformed`) for a file that is cut, damaged, or has another kind of entry, a duplicate or a name that is not
 *   allowed
 */
export async function readTarEntries(file: FileHandle, fileSize: number, bounds: TarBounds): Promise<TarEntry[]> {
  const entries: TarEntry[] = [];
  const names = new Set<string>();
  let offset = 0;
  for (;;) {
    const header = await readBytes(file, offset, TAR_BLOCK_BYTES);
    if (isZero(header)) break;
    const { name, size, type } = parseHeader(header, offset);
    const start = offset + TAR_BLOCK_BYTES;
    const end = start + size + tarPadding(size);
    // The size is only a claim: it is compared with the file before anything is read or allocated.
    if (end > fileSize) throw damaged(`it is cut: the entry at byte ${offset} is longer than the file`);
    if (!isZero(await readBytes(file, start + size, end - start - size))) {
      throw damaged(`the padding at byte ${start + size} is not empty`);
    }
    if (type === "x" || type === "g") await checkExtension(file, start, size);
    else if (type === "5") checkDirectory(name, size);
    else {
      if (!bounds.isName(name)) throw damaged(`it has an entry of another kind at byte ${offset}`);
      if (names.has(name)) throw damaged(`it has ${name} twice`);
      if (entries.length >= bounds.maxEntries) throw damaged(`it has more than ${bounds.maxEntries} entries`);
      names.add(name);
      entries.push({ name, offset: start, size });
    }
    offset = end;
  }
  await checkEnd(file, offset, fileSize);
  return entries;
}

/** Exactly `length` bytes of a file. Throws CheckFailedError when it is shorter. */
export async function readBytes(file: FileHandle, offset: number, length: number): Promise<Buffer> {
  const bytes = Buffer.alloc(length);
  let read = 0;
  while (read < length) {
    const { bytesRead } = await file.read(bytes, read, length - read, offset + read);
    if (bytesRead === 0) throw damaged("it is cut");
    read += bytesRead;
  }
  return bytes;
}

/** The refusal of a file that is not, or not any more, what an export is. */
export function damaged(problem: string): CheckFailedError {
  return new CheckFailedError("malformed", `the file is not a complete export: ${problem}`);
}

function parseHeader(header: Buffer, offset: number): { name: string; size: number; type: string } {
  const text = (start: number, end: number) => header.toString("latin1", start, end);
  // Exactly as written: a checksum that is read leniently would leave bytes of its own field unchecked.
  const checksum = /^([0-7]{6})\0 $/.exec(text(148, 156))?.[1] ?? /^([0-7]{7})\0$/.exec(text(148, 156))?.[1];
  if (checksum === undefined || parseInt(checksum, 8) !== tarChecksum(header)) {
    throw damaged(`the header at byte ${offset} is damaged`);
  }
  const size = /^([0-7]{11})[\0 ]$/.exec(text(124, 136))?.[1];
  const [name = ""] = text(0, 100).split("\0");
  const [prefix = ""] = text(345, 500).split("\0");
  if (size === undefined || !text(257, 262).startsWith("ustar") || prefix !== "") {
    throw damaged(`the header at byte ${offset} is not a plain ustar header`);
  }
  const type = text(156, 157).replace("\0", "0");
  if (!["0", "5", "x", "g"].includes(type)) throw damaged(`the entry at byte ${offset} is no regular file`);
  return { name: name.replace(/^\.\//, ""), size: parseInt(size, 8), type };
}

function checkDirectory(name: string, size: number): void {
  if (size !== 0 || !["", ".", "blobs/", "blobs/sha256/"].includes(name)) throw damaged("it has another directory");
}

/** A pax header may change neither the name nor the size of the entry that follows. */
async function checkExtension(file: FileHandle, offset: number, size: number): Promise<void> {
  if (size > MAX_EXTENSION_BYTES) throw damaged("it has a long extended header");
  const text = (await readBytes(file, offset, size)).toString("latin1");
  if (/(?:^|\n)\d+ (?:path|linkpath|size|GNU\.[^=]*)=/.test(text)) {
    throw damaged("an extended header renames or resizes an entry");
  }
}

async function checkEnd(file: FileHandle, offset: number, fileSize: number): Promise<void> {
  const length = fileSize - offset;
  if (length < TAR_END_BYTES) throw damaged("it is cut: its end is missing");
  if (length > MAX_END_BYTES || !isZero(await readBytes(file, offset, length))) {
    throw damaged(`something follows its end at byte ${offset}`);
  }
}

function isZero(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 0);
}

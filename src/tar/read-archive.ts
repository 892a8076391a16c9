import { TAR_BLOCK_BYTES, tarChecksum, tarPadding } from "./tar-header.js";

/** A regular file in an archive that others wrote. */
export interface ArchivedFile {
  /** As written, without `./` and slashes at the start. */
  readonly path: string;
  readonly bytes: Buffer;
}

/** Bounds of {@link readArchive}. */
export interface ArchiveBounds {
  readonly maxFiles: number;
}

/** An archive is damaged, or has what is no regular file. The message names the entry, and quotes its path as JSON. */
export class ArchiveError extends Error {
  override readonly name = "ArchiveError";
}

const MAX_EXTENSION_BYTES = 64 * 1024;
/** What an entry is that is no regular file (POSIX.1-2017, pax, "ustar Interchange Format"; GNU tar). */
const KINDS: Readonly<Record<string, string>> = {
  "1": "a hard link",
  "2": "a symbolic link",
  "3": "a device",
  "4": "a device",
  "6": "a pipe",
  S: "a sparse file",
};

/** What the entries before an entry say of it. */
interface Extended {
  readonly path?: string;
  readonly size?: number;
}

/**
 * The regular files of a tar archive of any common tool: ustar, with the extended headers of pax and the long names of GNU tar. Folders are
 * skipped. Every size is compared with what there is before anything is read.
 *
 * @param bytes the whole archive, not compressed
 * @throws ArchiveError for an archive that is cut or damaged, for links and devices, for more files than the bounds, and for a path twice
 */
export function readArchive(bytes: Buffer, { maxFiles }: ArchiveBounds): readonly ArchivedFile[] {
  const files = new Map<string, ArchivedFile>();
  let extended: Extended = {};
  for (let offset = 0; ;) {
    const header = bytes.subarray(offset, offset + TAR_BLOCK_BYTES);
    if (header.length < TAR_BLOCK_BYTES) throw new ArchiveError("it is cut");
    if (header.every((byte) => byte === 0)) return [...files.values()];
    const entry = parseHeader(header, offset);
    const size = extended.size ?? entry.size;
    const start = offset + TAR_BLOCK_BYTES;
    if (start + size > bytes.length) throw new ArchiveError(`it is cut: ${quoted(entry.path)} ends after it`);
    const content = bytes.subarray(start, start + size);
    offset = start + size + tarPadding(size);
    if (entry.type === "x" || entry.type === "L") {
      extended = { ...extended, ...extensionOf(entry.type, content) };
      continue;
    }
    const path = (extended.path ?? entry.path).replace(/^(?:\.?\/+)+/, "");
    extended = {};
    if (entry.type === "g" || entry.type === "5") continue;
    if (entry.type !== "0") throw new ArchiveError(`${quoted(path)} is ${KINDS[entry.type] ?? "no regular file"}`);
    if (files.has(path)) throw new ArchiveError(`it has ${quoted(path)} twice`);
    if (files.size >= maxFiles) throw new ArchiveError(`it has more than ${maxFiles} files`);
    files.set(path, { path, bytes: content });
  }
}

/** Whether bytes begin with the header of a tar archive. */
export function isArchive(bytes: Buffer): boolean {
  return bytes.length >= TAR_BLOCK_BYTES && bytes.toString("latin1", 257, 262) === "ustar";
}

function parseHeader(header: Buffer, offset: number): { path: string; size: number; type: string } {
  const checksum = parseInt(header.toString("latin1", 148, 156), 8);
  if (checksum !== tarChecksum(header)) throw new ArchiveError(`the header at byte ${offset} is damaged`);
  const size = /^ *([0-7]{1,12})[\0 ]*$/.exec(header.toString("latin1", 124, 136))?.[1];
  if (size === undefined) throw new ArchiveError(`the header at byte ${offset} has no size`);
  // In the format of GNU tar the place of the prefix has times.
  const isPosix = header.toString("latin1", 257, 263) === "ustar\0";
  const [name, prefix] = [textIn(header.subarray(0, 100)), isPosix ? textIn(header.subarray(345, 500)) : ""];
  const type = header.toString("latin1", 156, 157).replace(/[\x007]/, "0");
  return { path: prefix === "" ? name : `${prefix}/${name}`, size: parseInt(size, 8), type };
}

function extensionOf(type: string, content: Buffer): Extended {
  if (content.length > MAX_EXTENSION_BYTES) throw new ArchiveError("it has a long extended header");
  if (type === "L") return { path: textIn(content) };
  const extended: { path?: string; size?: number } = {};
  // Records of "length key=value\n", the length in bytes with itself.
  for (let at = 0; at < content.length;) {
    const length = Number(/^(\d{1,6}) /.exec(content.toString("latin1", at, at + 7))?.[1] ?? 0);
    const [, key, value] = /^\d+ ([^=]+)=([^]*)\n$/.exec(content.toString("latin1", at, at + length)) ?? [];
    const isWhole = key !== undefined && value !== undefined && at + length <= content.length;
    if (!isWhole) throw new ArchiveError("it has a damaged extended header");
    if (key === "path") extended.path = textIn(Buffer.from(value, "latin1"));
    if (key === "size") extended.size = sizeOf(value);
    if (key.startsWith("GNU.sparse")) throw new ArchiveError("it has a sparse file");
    at += length;
  }
  return extended;
}

function sizeOf(value: string): number {
  if (!/^\d{1,15}$/.test(value)) throw new ArchiveError("it has a damaged extended header");
  return Number(value);
}

function textIn(field: Buffer): string {
  const end = field.indexOf(0);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(end < 0 ? field : field.subarray(0, end));
  } catch {
    throw new ArchiveError("it has a path that is not UTF-8");
  }
}

function quoted(path: string): string {
  return JSON.stringify(path.slice(0, 200));
}

import { createHash, type Hash } from "node:crypto";
import { open, type FileHandle } from "node:fs/promises";
import { AppError } from "../../core/error.js";
import { parseTarHeader, TAR_BLOCK_BYTES, TAR_END_BYTES, tarPadding } from "../../tar/tar-header.js";
import { MAX_SMALL_BYTES, MEMBER_MODE, MEMBERS, sumLine } from "./archive.js";
import { parseManifest, type Manifest, type ManifestMember } from "./manifest.js";

const CHUNK_BYTES = 1024 * 1024;

/** A backup that was read to its end: each byte is accounted for, and each hash is right. */
export interface ReadArchive {
  readonly manifest: Manifest;
  /** The text of keys.enc; null without keys. */
  readonly sealedKeys: string | null;
  /** Where the manifest's header begins. */
  readonly manifestAt: number;
}

/** How a backup is read. */
export interface ReadOptions {
  /** Writes the database to this new file of mode 0600, durably; null only hashes it. */
  readonly database: string | null;
  /** Called with the bytes read so far, and the size of the file. */
  readonly onProgress?: (done: number, total: number) => void;
  readonly signal?: AbortSignal;
}

/**
 * Reads a backup once, from its beginning to its end. Throws `data_loss` for a file that differs from what was written by a single byte,
 * `conflict` for a format of a later release, `unavailable` when it cannot be read, and the signal's reason.
 */
export async function readArchive(path: string, options: ReadOptions): Promise<ReadArchive> {
  await using file = await openToRead(path);
  const reader = new ArchiveReader(file, (await file.stat()).size, options);
  const found: ManifestMember[] = [await reader.database()];
  let next = await reader.small();
  let sealedKeys: string | null = null;
  if (next.member.name === MEMBERS.keys) {
    sealedKeys = next.text;
    found.push(next.member);
    next = await reader.small();
  }
  if (next.member.name !== MEMBERS.manifest) throw damaged(`${next.member.name} stands in the place of the manifest`);
  const { text, headerAt: manifestAt } = next;
  const sums = await reader.small();
  const expected = [...found, next.member].map(({ name, sha256 }) => sumLine(name, sha256)).join("");
  if (sums.member.name !== MEMBERS.sums || sums.text !== expected)
    throw damaged("its contents differ from their hashes");
  await reader.end();
  const manifest = parseManifest(text);
  if (JSON.stringify(manifest.members) !== JSON.stringify(found)) {
    throw damaged("its contents are not those that the manifest lists");
  }
  return { manifest, sealedKeys, manifestAt };
}

interface SmallMember {
  readonly member: ManifestMember;
  readonly text: string;
  readonly headerAt: number;
}

class ArchiveReader {
  #at = 0;

  constructor(
    private readonly file: FileHandle,
    private readonly size: number,
    private readonly options: ReadOptions,
  ) {}

  async database(): Promise<ManifestMember> {
    const { name, bytes } = await this.#header();
    if (name !== MEMBERS.database) throw damaged(`it begins with ${name}`);
    const target = this.options.database === null ? null : await open(this.options.database, "wx", 0o600);
    try {
      const hash = createHash("sha256");
      await this.#chunks(bytes, hash, async (chunk) => void (await target?.appendFile(chunk)));
      await target?.sync();
      await this.#zeros(tarPadding(bytes));
      return { name, bytes, sha256: hash.digest("hex") };
    } finally {
      await target?.close();
    }
  }

  /** A file that is read into memory. */
  async small(): Promise<SmallMember> {
    const headerAt = this.#at;
    const { name, bytes } = await this.#header();
    if (bytes > MAX_SMALL_BYTES) throw damaged(`${name} is too large`);
    const hash = createHash("sha256");
    const parts: Buffer[] = [];
    await this.#chunks(bytes, hash, async (chunk) => void parts.push(Buffer.from(chunk)));
    await this.#zeros(tarPadding(bytes));
    const text = Buffer.concat(parts).toString("utf8");
    return { member: { name, bytes, sha256: hash.digest("hex") }, text, headerAt };
  }

  async end(): Promise<void> {
    await this.#zeros(TAR_END_BYTES);
    if (this.#at !== this.size) throw damaged(`${this.size - this.#at} bytes follow its end`);
  }

  async #header() {
    const at = this.#at;
    // In a backup every byte counts.
    const member = parseTarHeader(await this.#read(TAR_BLOCK_BYTES), MEMBER_MODE);
    if (member !== null) return member;
    const message = `not a backup of Signet, or a damaged one: the header at byte ${at} is wrong`;
    throw new AppError("data_loss", message);
  }

  async #chunks(bytes: number, hash: Hash, take: (chunk: Buffer) => Promise<void>): Promise<void> {
    if (bytes > this.size - this.#at) throw cut();
    for (let left = bytes; left > 0;) {
      this.options.signal?.throwIfAborted();
      const chunk = await this.#read(Math.min(left, CHUNK_BYTES));
      hash.update(chunk);
      await take(chunk);
      left -= chunk.length;
      this.options.onProgress?.(this.#at, this.size);
    }
  }

  async #zeros(bytes: number): Promise<void> {
    const at = this.#at;
    const found = await this.#read(bytes);
    if (found.some((byte) => byte !== 0)) throw damaged(`the filling at byte ${at} is wrong`);
  }

  async #read(bytes: number): Promise<Buffer> {
    const buffer = Buffer.alloc(bytes);
    for (let read = 0; read < bytes;) {
      const { bytesRead } = await this.file
        .read(buffer, read, bytes - read, this.#at + read)
        .catch((error: unknown) => {
          throw unreadable(error);
        });
      if (bytesRead === 0) throw cut();
      read += bytesRead;
    }
    this.#at += bytes;
    return buffer;
  }
}

async function openToRead(path: string): Promise<FileHandle> {
  try {
    const file = await open(path, "r");
    if ((await file.stat()).isFile()) return file;
    await file.close();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT") throw new AppError("not_found", `there is no file ${path}`, { cause: error });
    throw unreadable(error);
  }
  throw new AppError("invalid", `${path} is not a file`);
}

function unreadable(error: unknown): AppError {
  return new AppError("unavailable", `the backup cannot be read: ${(error as Error).message}`, { cause: error });
}

function cut(): AppError {
  return damaged("it is cut off");
}

function damaged(how: string): AppError {
  return new AppError("data_loss", `the backup is damaged: ${how}`);
}

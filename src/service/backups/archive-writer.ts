import { createHash, type Hash } from "node:crypto";
import { open, type FileHandle } from "node:fs/promises";
import { formatTarHeader, TAR_END_BYTES, tarPadding } from "../../tar/tar-header.js";
import { MEMBER_MODE, MEMBERS, sumLine } from "./archive.js";
import { createManifest, formatManifest, type Manifest, type ManifestMember } from "./manifest.js";

/** Bytes that are read and hashed at a time. */
const CHUNK_BYTES = 1024 * 1024;

/** An archive that was written, and is durable. */
export interface WrittenArchive {
  readonly bytes: number;
  /** Of the whole file, lower-case hex. */
  readonly sha256: string;
}

/** What goes into a backup. */
export interface ArchiveParts {
  /** The path of the database's copy. */
  readonly database: string;
  /** The text of keys.enc; null leaves it out. */
  readonly sealedKeys: string | null;
  readonly manifest: Omit<Manifest, "formatVersion" | "members">;
  /** Called with the bytes of the database that are in the archive. */
  readonly onProgress?: (done: number) => Promise<void> | void;
}

/**
 * Writes a backup to a new file of mode 0600: a tar file of the database, the keys, the manifest, and the hashes of all. Durable when this
 * resolves. Rejects with the system's error; the caller removes what was written.
 */
export async function writeArchive(target: string, parts: ArchiveParts): Promise<WrittenArchive> {
  await using file = await open(target, "wx", 0o600);
  const writer = new ArchiveWriter(file, 0, modifiedAt(parts.manifest));
  await writer.addFile(MEMBERS.database, parts.database, parts.onProgress);
  return await writer.finish(parts.sealedKeys, parts.manifest);
}

/**
 * Adds keys to a backup that has none, in place. `manifestAt` is where the manifest's header begins, `database` what stands before.
 * Leaves a damaged file when it is interrupted: for a file that is not under its name yet.
 */
export async function addSealedKeys(
  path: string,
  manifest: Manifest,
  manifestAt: number,
  sealedKeys: string,
): Promise<void> {
  await using file = await open(path, "r+");
  await file.truncate(manifestAt);
  const writer = new ArchiveWriter(file, manifestAt, modifiedAt(manifest), manifest.members);
  await writer.finish(sealedKeys, manifest);
}

function modifiedAt({ createdAt }: Pick<Manifest, "createdAt">): number {
  return Math.floor(Date.parse(createdAt) / 1000);
}

class ArchiveWriter {
  readonly #all = createHash("sha256");
  readonly #members: ManifestMember[];

  constructor(
    private readonly file: FileHandle,
    private at: number,
    private readonly modified: number,
    members: readonly ManifestMember[] = [],
  ) {
    this.#members = [...members];
  }

  async addFile(name: string, path: string, onProgress: ArchiveParts["onProgress"]): Promise<void> {
    await using source = await open(path, "r");
    const { size: bytes } = await source.stat();
    const hash = createHash("sha256");
    await this.#write(formatTarHeader({ name, bytes, modified: this.modified, mode: MEMBER_MODE }));
    const buffer = Buffer.alloc(CHUNK_BYTES);
    for (let done = 0; done < bytes;) {
      const { bytesRead } = await source.read(buffer, 0, Math.min(CHUNK_BYTES, bytes - done), done);
      if (bytesRead === 0) throw new Error(`${path} has become shorter`);
      await this.#write(buffer.subarray(0, bytesRead), hash);
      done += bytesRead;
      // In parts, so that no commit of the database waits for one large flush.
      if (done % (8 * CHUNK_BYTES) === 0) await this.file.datasync();
      await onProgress?.(done);
    }
    await this.#write(Buffer.alloc(tarPadding(bytes)));
    this.#members.push({ name, bytes, sha256: hash.digest("hex") });
  }

  /** Writes everything after the database. */
  async finish(sealedKeys: string | null, fields: ArchiveParts["manifest"]): Promise<WrittenArchive> {
    if (sealedKeys !== null) this.#members.push(await this.#addText(MEMBERS.keys, sealedKeys));
    const manifest = await this.#addText(
      MEMBERS.manifest,
      formatManifest(createManifest({ ...fields, members: this.#members })),
    );
    const sums = [...this.#members, manifest].map(({ name, sha256 }) => sumLine(name, sha256)).join("");
    await this.#addText(MEMBERS.sums, sums);
    await this.#write(Buffer.alloc(TAR_END_BYTES));
    await this.file.sync();
    return { bytes: this.at, sha256: this.#all.digest("hex") };
  }

  async #addText(name: string, text: string): Promise<ManifestMember> {
    const content = Buffer.from(text);
    const hash = createHash("sha256");
    await this.#write(formatTarHeader({ name, bytes: content.length, modified: this.modified, mode: MEMBER_MODE }));
    await this.#write(content, hash);
    await this.#write(Buffer.alloc(tarPadding(content.length)));
    return { name, bytes: content.length, sha256: hash.digest("hex") };
  }

  async #write(bytes: Buffer, hash?: Hash): Promise<void> {
    for (let written = 0; written < bytes.length;) {
      const { bytesWritten } = await this.file.write(bytes, written, bytes.length - written, this.at + written);
      written += bytesWritten;
    }
    this.at += bytes.length;
    this.#all.update(bytes);
    hash?.update(bytes);
  }
}

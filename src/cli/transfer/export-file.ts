import { createHash } from "node:crypto";
import { open, type FileHandle } from "node:fs/promises";
import { parseEnvelope } from "../../bundle/envelope/dsse.js";
import {
  MAX_PROVENANCE_LENGTH,
  parseProvenance,
  PROVENANCE_TYPE,
  setDigest,
  type Provenance,
} from "../../bundle/envelope/provenance.js";
import { InputError } from "../shell/cli-error.js";
import { systemReason } from "../../sdk/runtime/node/node-files.js";
import {
  blobName,
  checkLayout,
  EMPTY_CONFIG_SHA256,
  INDEX_FILE,
  isLayoutName,
  LAYER_TYPES,
  LAYOUT_FILE,
  parseIndex,
  parseManifest,
  type Layer,
} from "./oci-layout.js";
import { damaged, readBytes, readTarEntries, type TarEntry } from "./tar-reader.js";

/** The most versions of one file. */
export const MAX_EXPORT_VERSIONS = 10_000;

/** The largest document; a server takes 16 MiB unless it is told otherwise. */
const MAX_DOCUMENT_BYTES = 256 * 1024 * 1024;
/** Of the small files: index, manifest (300 bytes a layer) and keys. */
const MAX_METADATA_BYTES = 16 * 1024 * 1024;

/** Hashed in pieces of this size. */
const PIECE_BYTES = 1024 * 1024;

/** One version of an export. */
export interface ExportedVersion {
  /**
   * What the provenance says. Its signature is **not** verified here: the importing server does that, by the keys that it trusts, or
   * verifyExport.
   */
  readonly claimed: Provenance;
  /** The envelope. */
  readonly provenance: string;
  /** The document, read again each time. */
  document(): Promise<string>;
}

/** An export whose structure and digests were checked. */
export interface ExportFile extends AsyncDisposable {
  /** In ascending order. */
  readonly versions: readonly ExportedVersion[];
}

/** Whether a file begins like a tar file. False for one that cannot be read. */
export async function isTarFile(path: string): Promise<boolean> {
  try {
    await using file = await open(path, "r");
    const { buffer, bytesRead } = await file.read(Buffer.alloc(262), 0, 262, 0);
    return bytesRead === 262 && buffer.toString("latin1", 257) === "ustar";
  } catch {
    return false;
  }
}

/**
 * Opens an export and checks it as a whole: every entry is known and named by the manifest, every blob has its digest and its size, and
 * the provenances name exactly the documents and keys that are there.
 *
 * @throws InputError for a file that cannot be read, CheckFailedError and VerificationError for one that is no complete export
 */
export async function openExportFile(path: string): Promise<ExportFile> {
  const file = await open(path, "r").catch((cause: unknown) => {
    throw new InputError(`cannot read ${path}: ${systemReason(cause)}`, { cause });
  });
  try {
    const stat = await file.stat();
    if (!stat.isFile()) throw new InputError(`cannot read ${path}: not a regular file`);
    const versions = await new Layout(file, stat.size).versions();
    return { versions, [Symbol.asyncDispose]: () => file.close() };
  } catch (thrown) {
    await file.close();
    throw thrown;
  }
}

/** The blobs of a layout. */
class Layout {
  #entries = new Map<string, TarEntry>();

  constructor(
    private readonly file: FileHandle,
    private readonly fileSize: number,
  ) {}

  async versions(): Promise<readonly ExportedVersion[]> {
    // Two layers a version; keys, configuration, manifest and the two files of the layout.
    const bounds = { maxEntries: 2 * MAX_EXPORT_VERSIONS + 5, isName: isLayoutName };
    const entries = await readTarEntries(this.file, this.fileSize, bounds);
    this.#entries = new Map(entries.map((entry) => [entry.name, entry]));
    checkLayout(await this.#text(this.#entry(LAYOUT_FILE), MAX_METADATA_BYTES));
    const manifest = parseIndex(await this.#text(this.#entry(INDEX_FILE), MAX_METADATA_BYTES));
    await this.#checkBlob(manifest);
    const layers = parseManifest(await this.#text(this.#blob(manifest.sha256), MAX_METADATA_BYTES));
    this.#checkComplete([manifest.sha256, EMPTY_CONFIG_SHA256, ...layers.map(({ sha256 }) => sha256)]);
    await this.#checkBlob({ sha256: EMPTY_CONFIG_SHA256, size: 2 });
    for (const layer of layers) await this.#checkBlob(layer);
    return await this.#versionsOf(layers);
  }

  async #versionsOf(layers: readonly Layer[]): Promise<readonly ExportedVersion[]> {
    const of = (type: string) => layers.filter(({ mediaType }) => mediaType === type);
    const [documents, provenances] = [of(LAYER_TYPES.document), of(LAYER_TYPES.provenance)];
    const keys = of(LAYER_TYPES.keys);
    const known = documents.length + provenances.length + keys.length;
    if (
      documents.length === 0 ||
      documents.length !== provenances.length ||
      keys.length > 1 ||
      known !== layers.length
    ) {
      throw damaged("its layers are not documents, their provenances and keys");
    }
    const digest = setDigest([...documents, ...keys].map(({ sha256 }) => sha256));
    const versions: ExportedVersion[] = [];
    for (const [index, document] of documents.entries()) {
      const provenance = await this.#text(this.#blob(provenances[index]?.sha256 ?? ""), MAX_PROVENANCE_LENGTH);
      const claimed = claimedBy(provenance);
      const { set } = claimed;
      const isIts = claimed.document.sha256 === document.sha256 && claimed.document.size === document.size;
      if (!isIts || set.digest !== digest || set.position !== index + 1 || set.size !== documents.length) {
        throw damaged(`it is not the set of documents of which the provenance ${index + 1} is a part`);
      }
      const entry = this.#blob(document.sha256);
      versions.push({ claimed, provenance, document: () => this.#text(entry, MAX_DOCUMENT_BYTES) });
    }
    return versions;
  }

  #checkComplete(named: readonly string[]): void {
    const names = new Set([LAYOUT_FILE, INDEX_FILE, ...named.map(blobName)]);
    for (const name of this.#entries.keys()) if (!names.has(name)) throw damaged(`nothing names its entry ${name}`);
  }

  async #checkBlob({ sha256, size }: { readonly sha256: string; readonly size: number }): Promise<void> {
    const entry = this.#blob(sha256);
    if (entry.size !== size) throw damaged(`${entry.name} has another size`);
    const hash = createHash("sha256");
    for (let at = 0; at < size; at += PIECE_BYTES) {
      hash.update(await readBytes(this.file, entry.offset + at, Math.min(PIECE_BYTES, size - at)));
    }
    if (hash.digest("hex") !== sha256) throw damaged(`${entry.name} was changed`);
  }

  #blob(sha256: string): TarEntry {
    return this.#entry(blobName(sha256));
  }

  #entry(name: string): TarEntry {
    const entry = this.#entries.get(name);
    if (entry === undefined) throw damaged(`${name} is missing`);
    return entry;
  }

  async #text({ name, offset, size }: TarEntry, maxBytes: number): Promise<string> {
    if (size > maxBytes) throw damaged(`${name} is larger than ${maxBytes} bytes`);
    try {
      return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(
        await readBytes(this.file, offset, size),
      );
    } catch (thrown) {
      if (thrown instanceof TypeError) throw damaged(`${name} is not valid UTF-8`);
      throw thrown;
    }
  }
}

function claimedBy(envelope: string): Provenance {
  const { payloadType, payload } = parseEnvelope(envelope, { maxLength: MAX_PROVENANCE_LENGTH, maxSignatures: 32 });
  if (payloadType !== PROVENANCE_TYPE) throw damaged("a provenance has another type");
  return parseProvenance(payload);
}

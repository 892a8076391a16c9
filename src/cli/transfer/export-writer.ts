import { createHash } from "node:crypto";
import { setDigest, type ExportSet } from "../../bundle/envelope/provenance.js";
import {
  blobName,
  EMPTY_CONFIG,
  EMPTY_CONFIG_SHA256,
  formatIndex,
  formatManifest,
  INDEX_FILE,
  LAYER_TYPES,
  LAYOUT,
  LAYOUT_FILE,
  type Layer,
} from "./oci-layout.js";
import { TarWriter, type Sink } from "./tar-writer.js";

/** The input of an export, fetched piece by piece. */
export interface ExportSource {
  /** In ascending order, at least one. */
  readonly versions: readonly number[];
  /** The document of a version. */
  document(version: number): Promise<string>;
  /** The public keys, PEM, called once all documents were fetched. */
  keys(): Promise<string>;
  /** The envelope of a version in a set. */
  provenance(version: number, set: ExportSet): Promise<string>;
}

/** An export that was written. */
export interface WrittenExport {
  /** In bytes. */
  readonly size: number;
  /** Of the file, 64 hex digits. */
  readonly sha256: string;
}

/**
 * Writes an export: an OCI image layout as a tar file (docs/air-gap.md). One document at a time is in memory.
 *
 * @param envName for the names of the layers
 */
export async function writeExport(source: ExportSource, envName: string, sink: Sink): Promise<WrittenExport> {
  const hash = createHash("sha256");
  let size = 0;
  const tar = new TarWriter(async (bytes) => {
    hash.update(bytes);
    size += bytes.length;
    await sink(bytes);
  });
  const addBlob = async (mediaType: string, title: string, text: string): Promise<Layer> => {
    const bytes = Buffer.from(text);
    const sha256 = createHash("sha256").update(bytes).digest("hex");
    await tar.add(blobName(sha256), bytes);
    return { mediaType, sha256, size: bytes.length, title };
  };

  await tar.add(LAYOUT_FILE, Buffer.from(LAYOUT));
  await tar.add(blobName(EMPTY_CONFIG_SHA256), Buffer.from(EMPTY_CONFIG));
  const documents: Layer[] = [];
  for (const version of source.versions) {
    const title = `${envName}-${version}.json`;
    documents.push(await addBlob(LAYER_TYPES.document, title, await source.document(version)));
  }
  const keys = await addBlob(LAYER_TYPES.keys, "keys.pem", await source.keys());
  const digest = setDigest([...documents, keys].map(({ sha256 }) => sha256));
  const layers: Layer[] = [];
  for (const [index, version] of source.versions.entries()) {
    const set: ExportSet = { digest, position: index + 1, size: source.versions.length };
    const title = `${envName}-${version}.provenance.json`;
    const provenance = await addBlob(LAYER_TYPES.provenance, title, await source.provenance(version, set));
    layers.push(...documents.slice(index, index + 1), provenance);
  }
  const manifest = Buffer.from(formatManifest([...layers, keys]));
  const sha256 = createHash("sha256").update(manifest).digest("hex");
  await tar.add(blobName(sha256), manifest);
  await tar.add(INDEX_FILE, Buffer.from(formatIndex({ sha256, size: manifest.length })));
  await tar.end();
  return { size, sha256: hash.digest("hex") };
}

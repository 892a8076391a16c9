import { scanStrictJson } from "../../bundle/strict-json.js";
import { AppError } from "../../core/error.js";
import { damaged } from "./tar-reader.js";

/** The files of an OCI image layout (image-spec 1.1, image-layout.md) besides its blobs. */
export const LAYOUT_FILE = "oci-layout";
/** See {@link LAYOUT_FILE}. */
export const INDEX_FILE = "index.json";

/** The content of {@link LAYOUT_FILE}. */
export const LAYOUT = '{"imageLayoutVersion":"1.0.0"}';

/** The artifact type of an export. */
export const ARTIFACT_TYPE = "application/vnd.signet.export.v1";

const INDEX_TYPE = "application/vnd.oci.image.index.v1+json";
const MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json";
const EMPTY_TYPE = "application/vnd.oci.empty.v1+json";

/** The media types of the layers. */
export const LAYER_TYPES = {
  document: "application/vnd.signet.bundle.v1+json",
  provenance: "application/vnd.dsse.envelope.v1+json",
  keys: "application/x-pem-file",
} as const;

/** The blob of an empty configuration, which manifests of artifacts name. */
export const EMPTY_CONFIG = "{}";
/** Its digest. */
export const EMPTY_CONFIG_SHA256 = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";

/** The name of a blob in the layout. */
export function blobName(sha256: string): string {
  return `blobs/sha256/${sha256}`;
}

/** Whether an entry of the tar file may have a name. */
export function isLayoutName(name: string): boolean {
  return name === LAYOUT_FILE || name === INDEX_FILE || /^blobs\/sha256\/[0-9a-f]{64}$/.test(name);
}

/** A blob that a manifest names. */
export interface Layer {
  readonly mediaType: string;
  /** 64 hex digits. */
  readonly sha256: string;
  /** In bytes. */
  readonly size: number;
  /** The file name that registry tools give it. */
  readonly title: string;
}

/** The manifest of an export: an artifact with an empty configuration (image-spec 1.1, manifest.md). */
export function formatManifest(layers: readonly Layer[]): string {
  return JSON.stringify({
    schemaVersion: 2,
    mediaType: MANIFEST_TYPE,
    artifactType: ARTIFACT_TYPE,
    config: { mediaType: EMPTY_TYPE, digest: `sha256:${EMPTY_CONFIG_SHA256}`, size: 2, data: "e30=" },
    layers: layers.map(({ mediaType, sha256, size, title }) => ({
      mediaType,
      digest: `sha256:${sha256}`,
      size,
      annotations: { "org.opencontainers.image.title": title },
    })),
  });
}

/** The index of a layout with one manifest. */
export function formatIndex(manifest: { readonly sha256: string; readonly size: number }): string {
  const { sha256, size } = manifest;
  const descriptor = { mediaType: MANIFEST_TYPE, digest: `sha256:${sha256}`, size };
  return JSON.stringify({ schemaVersion: 2, mediaType: INDEX_TYPE, manifests: [descriptor] });
}

/** The only manifest of an index. Throws CheckFailedError. */
export function parseIndex(text: string): { readonly sha256: string; readonly size: number } {
  const index = objectOf(text, INDEX_FILE);
  // No digest covers the index: an unknown key is a changed one.
  requireKeys(index, ["schemaVersion", "mediaType", "artifactType", "manifests", "annotations"]);
  const { schemaVersion, mediaType = INDEX_TYPE, manifests } = index;
  if (schemaVersion !== 2 || mediaType !== INDEX_TYPE || !Array.isArray(manifests) || manifests.length !== 1) {
    throw damaged(`${INDEX_FILE} does not name one manifest`);
  }
  const [manifest] = manifests as [unknown];
  if (!isObject(manifest)) throw damaged(`${INDEX_FILE} names no manifest`);
  requireKeys(manifest, ["mediaType", "digest", "size", "annotations", "artifactType", "platform"]);
  const { artifactType = ARTIFACT_TYPE } = manifest;
  if (manifest["mediaType"] !== MANIFEST_TYPE || artifactType !== ARTIFACT_TYPE) {
    throw damaged(`${INDEX_FILE} names another artifact`);
  }
  return descriptorOf(manifest);
}

/** The layers of a manifest. Throws CheckFailedError for another artifact. */
export function parseManifest(text: string): readonly Layer[] {
  const { schemaVersion, artifactType, config, layers } = objectOf(text, "the manifest");
  if (schemaVersion !== 2 || artifactType !== ARTIFACT_TYPE || !Array.isArray(layers)) {
    throw damaged("its manifest is not that of an export");
  }
  if (!isObject(config) || descriptorOf(config).sha256 !== EMPTY_CONFIG_SHA256) {
    throw damaged("its manifest has a configuration");
  }
  return layers.map((layer: unknown) => {
    if (!isObject(layer)) throw damaged("its manifest has an invalid layer");
    const { mediaType } = layer;
    if (typeof mediaType !== "string") throw damaged("its manifest has an invalid layer");
    return { ...descriptorOf(layer), mediaType, title: "" };
  });
}

/** Throws CheckFailedError unless it is the content of LAYOUT_FILE. */
export function checkLayout(text: string): void {
  const layout = objectOf(text, LAYOUT_FILE);
  requireKeys(layout, ["imageLayoutVersion"]);
  if (layout["imageLayoutVersion"] !== "1.0.0") throw damaged("it is no OCI image layout of version 1.0.0");
}

function descriptorOf(value: Readonly<Record<string, unknown>>): { sha256: string; size: number } {
  const { digest, size } = value;
  const sha256 = typeof digest === "string" ? /^sha256:([0-9a-f]{64})$/.exec(digest)?.[1] : undefined;
  if (sha256 === undefined || !Number.isSafeInteger(size) || (size as number) < 0) {
    throw damaged("it has an invalid descriptor");
  }
  return { sha256, size: size as number };
}

function objectOf(text: string, name: string): Readonly<Record<string, unknown>> {
  try {
    scanStrictJson(text, { base: [name] });
  } catch (thrown) {
    if (thrown instanceof AppError) throw damaged(`${name} is not strict JSON`);
    throw thrown;
  }
  const parsed: unknown = JSON.parse(text);
  if (!isObject(parsed)) throw damaged(`${name} is not an object`);
  return parsed;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function requireKeys(object: Readonly<Record<string, unknown>>, known: readonly string[]): void {
  if (!Object.keys(object).every((key) => known.includes(key))) throw damaged("its index has an unknown field");
}

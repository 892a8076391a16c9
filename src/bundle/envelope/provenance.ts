import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";
import { type BundleSource, JSON_POLICIES, type MediaType, mediaTypeOf } from "../../core/bundle.js";
import { decodeBase64, encodeBase64 } from "../base64.js";
import { keyId, type PublicKey } from "../keys.js";
import { parseSignedObject, type SignedObject } from "./signed-json.js";
import { VerificationError } from "../verification-error.js";

/** The payload type of a provenance's envelope. */
export const PROVENANCE_TYPE = "application/vnd.signet.export+json";

/** The longest envelope of a provenance, in UTF-16 units: longer than any that a server makes. */
export const MAX_PROVENANCE_LENGTH = 512 * 1024;

/** The newest activations of the bundle that a provenance names. */
export const MAX_PROVENANCE_DEPLOYMENTS = 20;

const KIND = "signet-export/1";
/** Of policies that are not JSON: a release that knows the first alone would import them as JSON. */
const KIND_WITH_MEDIA_TYPE = "signet-export/2";

const DIGEST = /^[0-9a-f]{64}$/;
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?Z$/;
const ENVIRONMENT = /^[a-z0-9][a-z0-9-]{0,62}$/;

/** A tenant of the exporting server. */
export interface OriginTenant {
  /** UUID. */
  readonly id: string;
  readonly name: string;
  readonly slug: string;
}

/** The actor of an activation at the exporting server. */
export interface OriginActor {
  /** The prefix of its token. */
  readonly prefix: string;
  /** The name of its token. */
  readonly name: string | null;
}

/** An activation at the exporting server. */
export interface OriginDeployment {
  /** UUID. */
  readonly id: string;
  readonly sequence: number;
  readonly kind: string;
  readonly fromVersion: number | null;
  readonly reason: string | null;
  readonly actor: OriginActor;
  /** ISO 8601, UTC. */
  readonly at: string;
}

/** The bundle at the exporting server. */
export interface OriginBundle {
  /** UUID. */
  readonly id: string;
  readonly version: number;
  /** `sha256:` and 64 hex digits. */
  readonly policyHash: string;
  /** ISO 8601, UTC. */
  readonly publishedAt: string;
  readonly publishedBy: string | null;
  readonly title: string | null;
  readonly description: string | null;
  readonly labels: Readonly<Record<string, string>>;
  readonly source: BundleSource | null;
  /** How it was created there. */
  readonly origin: string;
  /** What its policies are. */
  readonly mediaType: MediaType;
  /** Whether it was active when it was exported. */
  readonly isActive: boolean;
}

/** The exported document. */
export interface OriginDocument {
  /** Of its bytes, 64 hex digits. */
  readonly sha256: string;
  /** In bytes. */
  readonly size: number;
  /** The key of both signatures, which the exporting server vouches for. */
  readonly key: PublicKey;
}

/** The set of documents that were exported together. */
export interface ExportSet {
  /** {@link setDigest} of all of them. */
  readonly digest: string;
  /** The place of this one, from 1. */
  readonly position: number;
  /** How many documents. */
  readonly size: number;
}

/** The signed statement of an exporting server about one exported version. It has no time of its own: the same export is the same bytes. */
export interface Provenance {
  readonly server: { readonly version: string; readonly url: string | null };
  readonly organization: OriginTenant;
  readonly project: OriginTenant;
  readonly environment: { readonly id: string; readonly name: string };
  readonly bundle: OriginBundle;
  readonly document: OriginDocument;
  /** The activations of the bundle, newest first, at most {@link MAX_PROVENANCE_DEPLOYMENTS}. */
  readonly deployments: readonly OriginDeployment[];
  /** How many there were. */
  readonly deploymentsTotal: number;
  readonly set: ExportSet;
}

/**
 * The digest of a set: SHA-256, in hex, of the digests of its documents in order and of the other layers of their file, each in 64 hex
 * digits followed by a line feed. It is in each provenance of the set, so that no document can be added, removed or replaced.
 */
export function setDigest(digests: Iterable<string>): string {
  const hash = sha256.create();
  for (const digest of digests) hash.update(new TextEncoder().encode(`${digest}\n`));
  return bytesToHex(hash.digest());
}

/** The payload of an envelope. */
export function formatProvenance(provenance: Provenance): Uint8Array {
  const { server, organization, project, environment, bundle, document, deployments, set } = provenance;
  const text = JSON.stringify({
    type: bundle.mediaType === JSON_POLICIES ? KIND : KIND_WITH_MEDIA_TYPE,
    server: { version: server.version, url: server.url },
    organization: { id: organization.id, name: organization.name, slug: organization.slug },
    project: { id: project.id, name: project.name, slug: project.slug },
    environment: { id: environment.id, name: environment.name },
    bundle: {
      id: bundle.id,
      version: bundle.version,
      policy_hash: bundle.policyHash,
      published_at: bundle.publishedAt,
      published_by: bundle.publishedBy,
      title: bundle.title,
      description: bundle.description,
      labels: bundle.labels,
      source: bundle.source,
      origin: bundle.origin,
      ...(bundle.mediaType === JSON_POLICIES ? {} : { media_type: bundle.mediaType }),
      active: bundle.isActive,
    },
    document: { sha256: document.sha256, size: document.size, key: encodeBase64(document.key.bytes) },
    deployments: deployments.map((it) => ({
      id: it.id,
      sequence: it.sequence,
      kind: it.kind,
      from_version: it.fromVersion,
      reason: it.reason,
      actor: { prefix: it.actor.prefix, name: it.actor.name },
      at: it.at,
    })),
    deployments_total: provenance.deploymentsTotal,
    set: { digest: set.digest, position: set.position, size: set.size },
  });
  return new TextEncoder().encode(text);
}

/**
 * Parses the payload of an envelope whose signature was verified. Its texts have the limits of the API's.
 *
 * @throws VerificationError `malformed`
 */
export function parseProvenance(payload: Uint8Array): Provenance {
  const root = parseSignedObject(payload, "provenance");
  const type = root.text("type", 100);
  if (type !== KIND && type !== KIND_WITH_MEDIA_TYPE) {
    throw new VerificationError("malformed", `the provenance is not ${KIND}: it may be from a newer release`);
  }
  const server = root.object("server");
  const environment = root.object("environment");
  const set = root.object("set");
  const size = set.integer("size", 1);
  const position = set.integer("position", 1);
  if (position > size) throw new VerificationError("malformed", "provenance.set.position is above its size");
  return {
    server: { version: server.text("version", 100), url: server.optionalText("url", 2048) },
    organization: tenantOf(root.object("organization")),
    project: tenantOf(root.object("project")),
    environment: { id: environment.matching("id", UUID), name: environment.matching("name", ENVIRONMENT) },
    bundle: bundleOf(root.object("bundle"), type),
    document: documentOf(root.object("document")),
    deployments: root.objects("deployments", MAX_PROVENANCE_DEPLOYMENTS).map(deploymentOf),
    deploymentsTotal: root.integer("deployments_total"),
    set: { digest: set.matching("digest", DIGEST), position, size },
  };
}

function tenantOf(tenant: SignedObject): OriginTenant {
  return { id: tenant.matching("id", UUID), name: tenant.text("name", 255), slug: tenant.text("slug", 255) };
}

function bundleOf(bundle: SignedObject, type: string): OriginBundle {
  const source = bundle.optionalObject("source");
  return {
    id: bundle.matching("id", UUID),
    version: bundle.integer("version", 1),
    policyHash: bundle.matching("policy_hash", /^sha256:[0-9a-f]{64}$/),
    publishedAt: bundle.matching("published_at", TIME),
    publishedBy: bundle.optionalText("published_by", 255),
    title: bundle.optionalText("title", 255),
    description: bundle.optionalText("description", 10_000),
    labels: bundle.texts("labels", 64, 63, 255),
    source: source && {
      repository: source.text("repository", 500),
      revision: source.text("revision", 500),
      url: source.text("url", 500),
    },
    origin: bundle.text("origin", 63),
    mediaType: type === KIND ? JSON_POLICIES : mediaTypeIn(bundle),
    isActive: bundle.flag("active"),
  };
}

function mediaTypeIn(bundle: SignedObject): MediaType {
  const mediaType = mediaTypeOf(bundle.text("media_type", 255));
  if (mediaType === null)
    throw new VerificationError("malformed", "provenance.bundle.media_type is unknown: it may be from a newer release");
  return mediaType;
}

function documentOf(document: SignedObject): OriginDocument {
  const bytes = decodeBase64(document.text("key", 100));
  if (bytes?.length !== 32)
    throw new VerificationError("malformed", "provenance.document.key must be base64 of 32 bytes");
  return {
    sha256: document.matching("sha256", DIGEST),
    size: document.integer("size", 1),
    key: { bytes, keyId: keyId(bytes) },
  };
}

function deploymentOf(deployment: SignedObject): OriginDeployment {
  const actor = deployment.object("actor");
  return {
    id: deployment.matching("id", UUID),
    sequence: deployment.integer("sequence", 1),
    kind: deployment.text("kind", 63),
    fromVersion: deployment.optionalInteger("from_version", 1),
    reason: deployment.optionalText("reason", 1000),
    actor: { prefix: actor.text("prefix", 255), name: actor.optionalText("name", 255) },
    at: deployment.matching("at", TIME),
  };
}

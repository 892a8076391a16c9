import { AppError } from "../../core/error.js";
import type { KeyPurpose } from "../../core/key.js";

/** The version of the format of backups that this program writes and reads. */
const FORMAT_VERSION = 1;
/** Heads that a manifest lists; the chains of further organizations are verified all the same. */
export const MAX_LISTED_HEADS = 1_000;

/** A public key of the server, as a backup names it. */
export interface ManifestKey {
  readonly keyId: string;
  readonly publicKeyPem: string;
}

/** The server's own keys; null for one that it could not use. */
export type ManifestKeys = Readonly<Record<KeyPurpose, ManifestKey | null>>;

/** The newest audit event of an organization: its number, and its hash as in an audit head. */
export interface ListedHead {
  readonly orgId: string;
  readonly number: number;
  readonly hash: string;
}

/** A file of a backup. */
export interface ManifestMember {
  readonly name: string;
  readonly bytes: number;
  /** Lower-case hex. */
  readonly sha256: string;
}

/** What the database of a backup contains. */
export interface DatabaseFacts {
  /** The migrations that it has. */
  readonly schema: readonly string[];
  /** Rows, by noun. */
  readonly counts: Readonly<Record<string, number>>;
  readonly operatorOrganization: string;
  /** Of the oldest organizations, at most {@link MAX_LISTED_HEADS}. */
  readonly auditHeads: readonly ListedHead[];
}

/** The description of a backup: the file manifest.json in it. */
export interface Manifest extends DatabaseFacts {
  readonly formatVersion: number;
  readonly programVersion: string;
  /** ISO 8601; of the instant that the database has. */
  readonly createdAt: string;
  readonly keys: ManifestKeys;
  /** All files but the manifest and the list of hashes. */
  readonly members: readonly ManifestMember[];
}

/** The manifest of a new backup. */
export function createManifest(fields: Omit<Manifest, "formatVersion">): Manifest {
  return { formatVersion: FORMAT_VERSION, ...fields };
}

/** The manifest as JSON, in snake case and with line breaks, for people too. */
export function formatManifest(manifest: Manifest): string {
  const { keys, members, auditHeads } = manifest;
  const keyOf = (key: ManifestKey | null) =>
    key === null ? null : { key_id: key.keyId, public_key_pem: key.publicKeyPem };
  const json = {
    format: "signet-backup",
    format_version: manifest.formatVersion,
    program_version: manifest.programVersion,
    created_at: manifest.createdAt,
    operator_organization: manifest.operatorOrganization,
    schema: manifest.schema,
    counts: manifest.counts,
    keys: {
      bundles: keyOf(keys.bundles),
      audit: keyOf(keys.audit),
      webhooks: keyOf(keys.webhooks),
      attestation: keyOf(keys.attestation),
      opa: keyOf(keys.opa),
    },
    audit_heads: auditHeads.map(({ orgId, number, hash }) => ({ org_id: orgId, number, hash })),
    members: members.map(({ name, bytes, sha256 }) => ({ name, bytes, sha256 })),
  };
  return `${JSON.stringify(json, null, 2)}\n`;
}

/** Reads a manifest. Throws `data_loss` for one that no Signet wrote, and `conflict` for a format of a later release. */
export function parseManifest(text: string): Manifest {
  const json = objectOf(parseJson(text), "it");
  if (json.format !== "signet-backup") throw wrong("format");
  const formatVersion = numberOf(json.format_version, "format_version");
  if (formatVersion > FORMAT_VERSION) {
    throw new AppError(
      "conflict",
      `the backup has format ${formatVersion}, and this program reads ${FORMAT_VERSION}: use the release that made it`,
    );
  }
  const keys = objectOf(json.keys, "keys");
  return {
    formatVersion,
    programVersion: textOf(json.program_version, "program_version"),
    createdAt: textOf(json.created_at, "created_at"),
    operatorOrganization: textOf(json.operator_organization, "operator_organization"),
    schema: listOf(json.schema, "schema").map((step) => textOf(step, "schema")),
    counts: Object.fromEntries(
      Object.entries(objectOf(json.counts, "counts")).map(([noun, count]) => [noun, numberOf(count, "counts")]),
    ),
    keys: {
      bundles: keyIn(keys.bundles),
      audit: keyIn(keys.audit),
      webhooks: keyIn(keys.webhooks),
      // Backups of earlier releases have none.
      attestation: keyIn(keys.attestation ?? null),
      opa: keyIn(keys.opa ?? null),
    },
    auditHeads: listOf(json.audit_heads, "audit_heads").map((item) => {
      const head = objectOf(item, "audit_heads");
      return {
        orgId: textOf(head.org_id, "org_id"),
        number: numberOf(head.number, "number"),
        hash: textOf(head.hash, "hash"),
      };
    }),
    members: listOf(json.members, "members").map((item) => {
      const member = objectOf(item, "members");
      return {
        name: textOf(member.name, "name"),
        bytes: numberOf(member.bytes, "bytes"),
        sha256: textOf(member.sha256, "sha256"),
      };
    }),
  };
}

function keyIn(value: unknown): ManifestKey | null {
  if (value === null) return null;
  const key = objectOf(value, "keys");
  return { keyId: textOf(key.key_id, "key_id"), publicKeyPem: textOf(key.public_key_pem, "public_key_pem") };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw wrong("its JSON");
  }
}

function objectOf(value: unknown, name: string): Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw wrong(name);
  return value as Readonly<Record<string, unknown>>;
}

function listOf(value: unknown, name: string): readonly unknown[] {
  if (!Array.isArray(value)) throw wrong(name);
  return value;
}

function textOf(value: unknown, name: string): string {
  if (typeof value !== "string" || value === "") throw wrong(name);
  return value;
}

function numberOf(value: unknown, name: string): number {
  if (!Number.isSafeInteger(value) || (value as number) < 0) throw wrong(name);
  return value as number;
}

function wrong(name: string): AppError {
  return new AppError("data_loss", `the manifest of the backup is not one of Signet's: ${name} is wrong`);
}

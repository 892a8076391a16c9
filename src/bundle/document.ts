import { AppError } from "../core/error.js";
import { canonicalJson, type JsonObject } from "./canonical-json.js";
import type { CanonicalContent } from "./policy-hash.js";

/** The value of `version`: the only one that a format 1 verifier accepts. */
export const BUNDLE_FORMAT_VERSION = 1;

/** The scope of every bundle that this implementation signs. */
export const EMPTY_SCOPE = { tenant_id: "", app_id: "", agent_id: "", env: "" } as const;

const CANONICAL_EMPTY_SCOPE = canonicalJson(EMPTY_SCOPE);

/** The identity of a bundle, which the second signature covers. */
export interface BundleIdentity {
  /** UUID. */
  readonly bundleId: string;
  /** UUID. */
  readonly orgId: string;
  /** UUID. */
  readonly projectId: string;
  /** The environment's name. */
  readonly environment: string;
  /** As written by {@link formatPublishedAt}; opaque to a verifier. */
  readonly publishedAt: string;
}

/** A parsed document. Other keys are ignored. */
export interface BundleDocument {
  readonly version: typeof BUNDLE_FORMAT_VERSION;
  readonly bundle_id: string;
  readonly org_id: string;
  readonly project_id: string;
  readonly environment: string;
  readonly published_at: string;
  readonly policies: JsonObject;
  readonly scope: JsonObject;
  readonly scope_policies: JsonObject;
  /** `sha256:` and 64 hex digits. */
  readonly policy_hash: string;
  /** Base64 of 64 bytes. */
  readonly signature?: string;
  /** Base64 of 64 bytes. */
  readonly signature_v2?: string;
  /** The bundle's number in its environment; not part of format 1. */
  readonly bundle_version?: number;
  /** 16 hex digits; not part of format 1. */
  readonly key_id?: string;
}

/** The identity in a document. */
export function identityOf(document: BundleDocument): BundleIdentity {
  return {
    bundleId: document.bundle_id,
    orgId: document.org_id,
    projectId: document.project_id,
    environment: document.environment,
    publishedAt: document.published_at,
  };
}

/** The parts of a document. */
export interface DocumentParts {
  readonly identity: BundleIdentity;
  /** As written by servedText. */
  readonly policiesText: string;
  /** As written by servedText. */
  readonly scopePoliciesText: string;
  readonly policyHash: string;
  /** Base64. */
  readonly signature: string;
  /** Base64. */
  readonly signatureV2: string;
  /** The bundle's number, 1 and up. */
  readonly bundleVersion: number;
  readonly keyId: string;
}

/**
 * The JSON text of a document, the same bytes for as long as the bundle exists.
 *
 * The two content texts are inserted unparsed, so that the size of a document does not matter.
 */
export function formatDocument(parts: DocumentParts): string {
  return documentHead(parts) + documentTail(parts);
}

/** A document up to its number, which a bundle gets last. */
export function documentHead(parts: Omit<DocumentParts, "bundleVersion" | "keyId">): string {
  const { identity } = parts;
  const fields: [name: string, json: string][] = [
    ["version", String(BUNDLE_FORMAT_VERSION)],
    ["bundle_id", JSON.stringify(identity.bundleId)],
    ["org_id", JSON.stringify(identity.orgId)],
    ["project_id", JSON.stringify(identity.projectId)],
    ["environment", JSON.stringify(identity.environment)],
    ["published_at", JSON.stringify(identity.publishedAt)],
    ["policies", parts.policiesText],
    ["scope", JSON.stringify(EMPTY_SCOPE)],
    ["scope_policies", parts.scopePoliciesText],
    ["policy_hash", JSON.stringify(parts.policyHash)],
    ["signature", JSON.stringify(parts.signature)],
    ["signature_v2", JSON.stringify(parts.signatureV2)],
  ];
  return `{${fields.map(([name, json]) => `"${name}":${json}`).join(",")}`;
}

/** What follows documentHead. */
export function documentTail({ bundleVersion, keyId }: Pick<DocumentParts, "bundleVersion" | "keyId">): string {
  return `,"bundle_version":${bundleVersion},"key_id":${JSON.stringify(keyId)}}`;
}

/**
 * A time as in documents: `2026-04-22T12:00:00+00:00`, UTC, fractions of a second truncated.
 *
 * @param time a Date, or an ISO 8601 text that ends in `Z` or an offset
 * @throws AppError `internal` for anything else, or a year without exactly four digits
 */
export function formatPublishedAt(time: Date | string): string {
  const date = typeof time === "string" && !/T.*(Z|[+-]\d\d:\d\d)$/.test(time) ? new Date(NaN) : new Date(time);
  const text = Number.isNaN(date.getTime()) ? "" : date.toISOString();
  if (!/^\d{4}-/.test(text)) throw new AppError("internal", `not a time that a document can contain: ${String(time)}`);
  return `${text.slice(0, 19)}+00:00`;
}

/** The message of the first signature: the ASCII bytes of the policy hash. */
export function signatureMessage(policyHash: string): Uint8Array {
  return new TextEncoder().encode(policyHash);
}

/**
 * The message of the second signature: `znyx-policy-bundle-sig-v2`, one NUL byte, and the canonical JSON of exactly
 * bundle_format_version, bundle_id, environment, org_id, policies, project_id, published_at, scope, scope_policies.
 */
export function signatureV2Message(
  identity: BundleIdentity,
  content: CanonicalContent,
  canonicalScope: string = CANONICAL_EMPTY_SCOPE,
): Uint8Array {
  // In canonical order, so that the content can be inserted as text.
  const fields: [name: string, canonical: string][] = [
    ["bundle_format_version", String(BUNDLE_FORMAT_VERSION)],
    ["bundle_id", canonicalJson(identity.bundleId)],
    ["environment", canonicalJson(identity.environment)],
    ["org_id", canonicalJson(identity.orgId)],
    ["policies", content.policies],
    ["project_id", canonicalJson(identity.projectId)],
    ["published_at", canonicalJson(identity.publishedAt)],
    ["scope", canonicalScope],
    ["scope_policies", content.scopePolicies],
  ];
  const body = fields.map(([name, canonical]) => `"${name}":${canonical}`).join(",");
  return new TextEncoder().encode(`znyx-policy-bundle-sig-v2\0{${body}}`);
}

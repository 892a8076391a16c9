import type { Actor } from "./actor.js";
import type { Instant } from "./clock.js";
import type { Difference } from "./difference.js";

/** The media type of policies that are one JSON document: the kind of a bundle unless its publisher names another one. */
export const JSON_POLICIES = "application/json";

/** The media type of Rego files with their data, as Open Policy Agent has them: "kind OPA" (bundle/opa/opa-policies.ts). */
export const OPA_POLICIES = "application/vnd.openpolicyagent.bundles";

/** What the policies of a bundle may be. The proto has the same list. */
export const MEDIA_TYPES = [JSON_POLICIES, OPA_POLICIES] as const;

/** One of {@link MEDIA_TYPES}. */
export type MediaType = (typeof MEDIA_TYPES)[number];

/** A text as a media type of policies; null for any other text. Exact: in lower case, without parameters. */
export function mediaTypeOf(text: string): MediaType | null {
  return MEDIA_TYPES.find((known) => known === text) ?? null;
}

/** Where a policy document came from, according to its publisher. */
export interface BundleSource {
  readonly repository: string;
  readonly revision: string;
  readonly url: string;
}

/** How a bundle was created in its environment. */
export type BundleOrigin = "publish" | "promote" | "import";

/** An immutable, numbered snapshot of a policy document in one environment. Its content is stored separately, by `contentId`. */
export interface Bundle {
  readonly id: string;
  readonly orgId: string;
  readonly projectId: string;
  readonly environmentId: string;
  /** The environment's name, as signed. */
  readonly environment: string;
  readonly version: number;
  /** `sha256:` and 64 hex digits. */
  readonly policyHash: string;
  readonly contentId: string;
  readonly publishedBy: string | null;
  readonly publishedAt: Instant;
  readonly title: string | null;
  readonly description: string | null;
  readonly labels: Readonly<Record<string, string>>;
  readonly source: BundleSource | null;
  readonly origin: BundleOrigin;
  /** What its policies are. */
  readonly mediaType: MediaType;
  /** Base64. */
  readonly signature: string;
  readonly signatureV2: string;
  readonly keyId: string;
  /** Of the bytes of the served document, 64 hex digits; null for bundles of releases that did not keep it. */
  readonly documentSha256: string | null;
  /** Bytes of the content that `policyHash` names; null as documentSha256. */
  readonly contentSize: number | null;
}

/** The text of a policy document, stored once for each distinct content. */
export interface Content {
  /** SHA-256 of both texts, lower-case hex. */
  readonly id: string;
  /** JSON.stringify of the parsed document: the bytes that are served. */
  readonly policies: string;
  readonly scopePolicies: string;
}

/** Characters (code points) of the reason of a change. The proto has the same limit. */
export const MAX_REASON_CHARACTERS = 1_000;

/** How a version became active. A rollback is an activation of a version below the one that was active. */
export const DEPLOYMENT_KINDS = ["publish", "activate", "promote", "rollback", "import"] as const;
/** One of {@link DEPLOYMENT_KINDS}. */
export type DeploymentKind = (typeof DEPLOYMENT_KINDS)[number];

/** An activation of a bundle. `sequence` increases with each activation of an environment. */
export interface Deployment {
  readonly id: string;
  readonly orgId: string;
  readonly projectId: string;
  readonly environmentId: string;
  readonly environment: string;
  readonly sequence: number;
  readonly bundleId: string;
  readonly version: number;
  readonly policyHash: string;
  /** Of the bundle. */
  readonly mediaType: MediaType;
  readonly fromVersion: number | null;
  readonly kind: DeploymentKind;
  /** The prefix of the token that activated it, or `operator`. */
  readonly actor: string;
  readonly at: Instant;
  /** Null for activations of releases that did not keep it, as are the fields after it. */
  readonly performedBy: Actor | null;
  /** Why, as the caller said. */
  readonly reason: string | null;
  /** The title of the bundle. */
  readonly title: string | null;
  /** The revision of the bundle's source. */
  readonly sourceRevision: string | null;
  /** The environment that it was promoted or imported from, and the version there; null for other kinds. */
  readonly sourceProjectId: string | null;
  readonly sourceEnvironment: string | null;
  readonly sourceVersion: number | null;
}

/** A bundle and its mutable state: whether it is active, and its newest activation. */
export interface BundleState {
  readonly bundle: Bundle;
  readonly isActive: boolean;
  readonly deploymentId: string | null;
  readonly sequence: number | null;
}

/** When the newest activation of a bundle was made, and when something else became active after it; null while it is the active one. */
export interface ActivationPeriod {
  readonly activatedAt: Instant;
  readonly replacedAt: Instant | null;
}

/** What bundles are searched for: they match all that is set. */
export interface BundleFilter {
  /** In title, description, publishedBy, labels or source, or at the start of the hash's digits. ASCII letters match in either case. */
  readonly text?: string;
  readonly label?: { readonly key: string; readonly value: string };
  /** Part of publishedBy. ASCII letters match in either case. */
  readonly publishedBy?: string;
  /** The start of the source's revision. */
  readonly sourceRevision?: string;
  readonly mediaType?: MediaType;
}

/** How many versions an environment keeps. */
export interface VersionQuota {
  readonly kept: number;
  /** Null is unlimited. */
  readonly limit: number | null;
}

/** What a publication or promotion changed in its environment, or would change. */
export interface BundleChange {
  readonly dryRun: boolean;
  /** Whether the content is that of the bundle that was active before. */
  readonly isUnchanged: boolean;
  /** Whether nothing was made for that reason: the bundle of the answer is the active one. */
  readonly isSkipped: boolean;
  /** From the active bundle to the new one. Of a dry run only, and null when it takes too long to compare. */
  readonly difference: Difference | null;
  /** Of a dry run only: before the new version. */
  readonly quota: VersionQuota | null;
}

/** The answer of a publication or promotion. */
export interface PublishedBundle extends BundleState {
  /** Absent in answers that older releases stored for retries. */
  readonly change?: BundleChange;
}

import type { Instant } from "./clock.js";

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
  /** Base64. */
  readonly signature: string;
  readonly signatureV2: string;
  readonly keyId: string;
}

/** The text of a policy document, stored once for each distinct content. */
export interface Content {
  /** SHA-256 of both texts, lower-case hex. */
  readonly id: string;
  /** JSON.stringify of the parsed document: the bytes that are served. */
  readonly policies: string;
  readonly scopePolicies: string;
}

/** A rollback is an activation of a version below the one that was active. */
export type DeploymentKind = "publish" | "activate" | "promote" | "rollback" | "import";

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
  readonly fromVersion: number | null;
  readonly kind: DeploymentKind;
  /** The prefix of the token that activated it, or `operator`. */
  readonly actor: string;
  readonly at: Instant;
}

/** A bundle and its mutable state: whether it is active, and its newest activation. */
export interface BundleState {
  readonly bundle: Bundle;
  readonly isActive: boolean;
  readonly deploymentId: string | null;
  readonly sequence: number | null;
}

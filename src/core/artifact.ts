import { type BundleState, OPA_POLICIES } from "./bundle.js";
import type { Instant } from "./clock.js";

/** `promoted` once a bundle was published from it. */
export type ArtifactStatus = "draft" | "promoted";

/** A policy document of a project that is not a bundle yet. Its content is stored separately, by `contentId`. */
export interface Artifact {
  readonly id: string;
  readonly orgId: string;
  readonly projectId: string;
  readonly name: string | null;
  /** Of the submitted document; the stored content is JSON. */
  readonly mediaType: string;
  readonly contentId: string;
  /** The prefix of the token that created it. */
  readonly createdBy: string;
  readonly createdAt: Instant;
  /** Null for a draft. */
  readonly promotion: ArtifactPromotion | null;
}

/** The result of a promotion: repeating the promotion answers it again, even if the bundle has changed since. */
export interface ArtifactPromotion {
  readonly at: Instant;
  readonly state: BundleState;
}

/** The status of an artifact, derived from its promotion. */
export function statusOf(artifact: Artifact): ArtifactStatus {
  return artifact.promotion === null ? "draft" : "promoted";
}

/**
 * Whether documents of a media type are written in JSON, as those of kind OPA are too, or in YAML (RFC 9512); null for any other. In lower
 * case, without parameters.
 */
export function policyFormat(mediaType: string): "json" | "yaml" | null {
  if (mediaType === OPA_POLICIES) return "json";
  if (/^application\/(json|[a-z0-9!#$&^_.-]+\+json)$/.test(mediaType)) return "json";
  if (/^(application\/(yaml|x-yaml|[a-z0-9!#$&^_.-]+\+yaml)|text\/(yaml|x-yaml))$/.test(mediaType)) return "yaml";
  return null;
}

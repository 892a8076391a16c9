import type { BundleState } from "./bundle.js";
import type { Instant } from "./clock.js";

export type ArtifactStatus = "draft" | "promoted";

/** A policy document that was handed in for a project. Its content is kept apart, by `contentId`. */
export interface Artifact {
  readonly id: string;
  readonly orgId: string;
  readonly projectId: string;
  readonly name: string | null;
  /** As it was handed in; what is kept is JSON. */
  readonly mediaType: string;
  readonly contentId: string;
  /** The prefix of the token that handed it in. */
  readonly createdBy: string;
  readonly createdAt: Instant;
  /** Null for a draft. */
  readonly promotion: ArtifactPromotion | null;
}

/** What a promotion made, as it was answered: a repeat answers the same, whatever became of the bundle. */
export interface ArtifactPromotion {
  readonly at: Instant;
  readonly state: BundleState;
}

export function statusOf(artifact: Artifact): ArtifactStatus {
  return artifact.promotion === null ? "draft" : "promoted";
}

/** Whether documents of a media type are JSON or YAML (RFC 9512); null for any other. In lower case, without parameters. */
export function policyFormat(mediaType: string): "json" | "yaml" | null {
  if (/^application\/(json|[a-z0-9!#$&^_.-]+\+json)$/.test(mediaType)) return "json";
  if (/^(application\/(yaml|x-yaml|[a-z0-9!#$&^_.-]+\+yaml)|text\/(yaml|x-yaml))$/.test(mediaType)) return "yaml";
  return null;
}

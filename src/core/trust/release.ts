import type { Instant } from "../clock.js";
import type { MediaType } from "../bundle.js";

/** A release: the authors' signed statement of the contents that may be active in which environments of a project. */
export interface Release {
  readonly projectId: string;
  /** SHA-256 of the payload, 64 hex digits. */
  readonly digest: string;
  /** The DSSE envelope, JSON text. */
  readonly envelope: string;
  /** The authors' counter. */
  readonly number: number;
  /** Null: it does not expire. */
  readonly expiresAt: Instant | null;
  /** Of the contents that it allows. */
  readonly mediaType: MediaType;
  readonly uploadedAt: Instant;
  /** The prefix of the token that brought it. */
  readonly uploadedBy: string;
}

/** A content that a release allows in an environment. */
export interface ReleaseSubject {
  readonly projectId: string;
  /** The environment's name, whether or not it exists. */
  readonly environment: string;
  /** The digest of the content's bytes, 64 hex digits. */
  readonly contentSha256: string;
  /** Names the release. */
  readonly digest: string;
  /** The release's. */
  readonly number: number;
}

import type { Instant } from "../clock.js";

/** A version of a project's root document, as it was published to this server. */
export interface TrustRoot {
  readonly projectId: string;
  /** 1, 2, … without gaps. */
  readonly version: number;
  /** The DSSE envelope, JSON text. */
  readonly envelope: string;
  /** SHA-256 of the payload, 64 hex digits. */
  readonly digest: string;
  readonly expiresAt: Instant;
  readonly publishedAt: Instant;
  /** The prefix of the token that published it. */
  readonly publishedBy: string;
}

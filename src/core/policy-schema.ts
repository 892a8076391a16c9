import type { Instant } from "./clock.js";

/** The JSON Schema that a project demands of its policies. */
export interface PolicySchema {
  readonly projectId: string;
  readonly orgId: string;
  /** `sha256:` and 64 hex digits, of the text. */
  readonly hash: string;
  /** JSON, as it was sent. */
  readonly text: string;
  /** The prefix of the token that set it. */
  readonly updatedBy: string;
  readonly updatedAt: Instant;
}

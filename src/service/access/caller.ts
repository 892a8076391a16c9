import type { Principal } from "../../core/token.js";

/** The caller of a change, and its conditions. */
export interface ChangeRequest {
  readonly principal: Principal;
  /** The Idempotency-Key header, if any. */
  readonly idempotencyKey: string | null;
  /** The sequence of the If-Match header, if any. */
  readonly ifSequence: number | null;
  /** If-Unchanged: skip. Instead of a version with the content that is active, the active bundle is the answer. */
  readonly skipUnchanged: boolean;
  /** Checks everything, changes nothing, and answers what the change would be. */
  readonly dryRun: boolean;
  /** Aborts when the caller goes. */
  readonly signal?: AbortSignal;
}

/** The caller as the owner of work on documents, which ends when the caller goes. */
export function ownerOf({ principal, signal }: ChangeRequest): Principal & { readonly signal?: AbortSignal } {
  return signal === undefined ? principal : { ...principal, signal };
}

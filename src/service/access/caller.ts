import type { Principal } from "../../core/token.js";

/** Who asks for a change, and under which conditions. */
export interface ChangeRequest {
  readonly principal: Principal;
  /** The Idempotency-Key header, if any. */
  readonly idempotencyKey: string | null;
  /** The sequence of the If-Match header, if any. */
  readonly ifSequence: number | null;
}

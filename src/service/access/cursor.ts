import type { Deployment } from "../../core/bundle.js";

/** The activation that a runtime has, as it says. */
export interface Cursor {
  /** Its sequence; 0 for none. */
  readonly afterSequence: number;
  /** Its id; empty when the runtime does not name it. */
  readonly afterDeploymentId: string;
}

/**
 * Whether a runtime has this activation. Its id decides where the runtime names it: a server that was restored from a backup gives
 * the same numbers out again, for other activations.
 */
export function hasActivation({ afterSequence, afterDeploymentId }: Cursor, { id, sequence }: Deployment): boolean {
  return afterDeploymentId === "" ? sequence === afterSequence : id === afterDeploymentId;
}

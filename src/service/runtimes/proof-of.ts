import type { Deployment } from "../../core/bundle.js";
import { AppError } from "../../core/error.js";
import type { Proof, Proofs } from "../trust/proofs.js";

/**
 * The proof of what is active, from memory where it is there. Null while none can be made: runtimes get what is active without it. Throws
 * `not_found` when the environment was deleted.
 */
export async function proofOf(
  proofs: Proofs,
  environmentId: string,
  deployment: Deployment | null,
): Promise<Proof | null> {
  const kept = proofs.peek(environmentId, deployment);
  if (kept !== undefined) return kept;
  try {
    return await proofs.of(environmentId, deployment);
  } catch (thrown) {
    if (thrown instanceof AppError && thrown.code === "unavailable") return null;
    throw thrown;
  }
}

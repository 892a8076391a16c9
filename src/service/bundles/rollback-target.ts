import { AppError } from "../../core/error.js";
import type { Environment } from "../../core/organization.js";
import { nextTurn } from "../../core/schedule/in-steps.js";
import type { Reader } from "../../store/store.js";

/** Activations that one read looks at: some milliseconds. */
const STEP = 500;

/**
 * The version that a rollback returns to unless told otherwise: the last active one below the current one that is still kept. Only below:
 * a second rollback must not return to the version that the first one left. Valid while the environment is at the same sequence and the
 * version is kept.
 *
 * Throws `not_found` while nothing is active, and `conflict` (`no_earlier_version`) when there is none.
 */
export async function rollbackTarget(reader: Reader, environment: Environment): Promise<number> {
  const { id, name, activeVersion, sequence } = environment;
  if (activeVersion === null) throw new AppError("not_found", `nothing is active in "${name}"`);
  for (let below: number | null = sequence; below !== null;) {
    const earlier = await reader.earlierActivation(id, { version: activeVersion, sequence: below }, STEP);
    if (earlier.version !== null) return earlier.version;
    below = earlier.next;
    await nextTurn();
  }
  const why = "no version below it was active, or those that were are deleted";
  const message = `"${name}" is at version ${activeVersion} and has no earlier one to return to: ${why}`;
  throw new AppError("conflict", message, { reason: "no_earlier_version" });
}

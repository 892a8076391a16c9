import { AppError } from "../../core/error.js";
import type { RotatedSlots, SlotKey } from "./shared-rotated-key.js";

/** A private key of a setting. */
export interface GivenKey {
  readonly keyId: string;
  readonly pem: string;
}

/** The bundle keys that a node's settings give. */
export interface GivenKeys {
  /** SIGNET_SIGNING_KEY. */
  readonly current: GivenKey | null;
  /** SIGNET_NEXT_SIGNING_KEY. */
  readonly next: GivenKey | null;
}

/** How the operator moves nodes to another key. */
const HOW =
  "to move all nodes to another key, give it to each of them as SIGNET_NEXT_SIGNING_KEY, activate it (signet keys activate), " +
  "and only then make it SIGNET_SIGNING_KEY";

/**
 * The bundle keys that a node starts with: those of the database, which all nodes have, with what its settings add to them. A key that is
 * the current one already may still be given as the next one, and the one before as the current one: the settings follow an activation
 * later.
 *
 * Throws `conflict` for settings that contradict the database, with the ids of both keys. Only the current key is replaced instead, by a
 * node that is alone.
 */
export async function settleGiven(
  kept: RotatedSlots,
  given: GivenKeys,
  othersLive: () => Promise<boolean>,
  load: (key: GivenKey) => SlotKey,
): Promise<RotatedSlots> {
  const { keyId } = kept.current;
  const isActivated = given.next?.keyId === keyId;
  if (given.current === null) {
    if (kept.current.loaded === null) {
      throw conflict(
        `the nodes sign bundles with the key ${keyId}, which is a setting of them: give it to this node too (SIGNET_SIGNING_KEY)`,
      );
    }
  } else if (given.current.keyId !== keyId && !isActivated) {
    if (await othersLive()) throw otherKey(kept, given.current.keyId);
    // A next key that is announced belongs to the key that announced it.
    const current = load(given.current);
    return { current, next: nextOf({ current, next: null }, given, load) };
  }
  return { ...kept, next: nextOf(kept, given, load) };
}

function nextOf({ current, next }: RotatedSlots, given: GivenKeys, load: (key: GivenKey) => SlotKey): SlotKey | null {
  if (given.next === null || given.next.keyId === current.keyId) return next;
  if (next === null) return load(given.next);
  if (next.keyId === given.next.keyId) return next;
  throw conflict(
    `the nodes have announced the key ${next.keyId}, and SIGNET_NEXT_SIGNING_KEY gives ${given.next.keyId}: ` +
      "give this node the announced key, or withdraw that one first (signet keys withdraw)",
  );
}

function otherKey({ current, next }: RotatedSlots, givenId: string): AppError {
  const sign = `the nodes sign bundles with the key ${current.keyId}, and SIGNET_SIGNING_KEY gives ${givenId}`;
  return next?.keyId === givenId
    ? conflict(`${sign}, which is announced but not active yet: activate it first (signet keys activate ${givenId})`)
    : conflict(`${sign}: ${HOW}`);
}

function conflict(message: string): AppError {
  return new AppError("conflict", message, { reason: "other_keys" });
}

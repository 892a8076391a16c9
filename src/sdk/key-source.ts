import type { PublicKey } from "../bundle/keys.js";
import { isKeys } from "../bundle/verify-arguments.js";

/** Keys to trust, or where to get the current ones: asked for every document, so that a key that was replaced needs no new watch. */
export type KeySource = readonly PublicKey[] | (() => readonly PublicKey[] | Promise<readonly PublicKey[]>);

/** The keys of the moment. Rejects with what the source throws, and with a TypeError for anything that is no list of keys. */
export async function keysOf(source: KeySource): Promise<readonly PublicKey[]> {
  const keys = typeof source === "function" ? await source() : source;
  checkKeys(keys);
  return keys;
}

/** Throws a TypeError for anything that is no list of keys, a PEM text for example. */
export function checkKeys(keys: readonly PublicKey[]): void {
  if (isKeys(keys)) return;
  throw new TypeError("keys must be a list of what parsePublicKey returns, or a function that returns one");
}

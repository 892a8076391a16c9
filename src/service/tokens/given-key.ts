import { AppError } from "../../core/error.js";
import type { KeyType } from "../../core/token.js";
import type { Reader } from "../../store/store.js";
import type { ServiceWarnings } from "../changes/observers.js";
import { chosenKey, createRawKey, type RawKey } from "./raw-key.js";

/** A key that the caller may have made. */
export interface GivenKey {
  /** Its SHA-256, lower-case hex; a new key is made without it. */
  readonly keyHash?: string | null;
  /**
   * Whether a key of another organization is refused; only for who answers for the whole server. Everybody else gets a token that
   * looks like any other and never works, so that nobody finds out which keys others have.
   */
  readonly refusesForeignKey?: boolean;
}

/**
 * A new key, or what is kept of one that the caller made. Throws `conflict` when a token of the organization has or had it; whether
 * one of another organization has makes no difference to the answer.
 */
export async function keyFor(
  reader: Reader,
  orgId: string,
  keyType: KeyType,
  { keyHash, refusesForeignKey = false }: GivenKey,
  warnings: Pick<ServiceWarnings, "foreignKey">,
): Promise<RawKey> {
  if (keyHash === null || keyHash === undefined) return createRawKey(keyType);
  const unusable = unusableHash(orgId, keyHash);
  const holder = await reader.tokenByHash(keyHash);
  const hadItUnusable = (await reader.tokenByHash(unusable)) !== null;
  if (holder === null && !hadItUnusable) return chosenKey(keyHash);
  if (holder?.orgId === orgId || hadItUnusable || refusesForeignKey) {
    throw new AppError("conflict", "this key already is or was a token: use another key", { reason: "key_exists" });
  }
  const key = chosenKey(keyHash);
  warnings.foreignKey(orgId, key.keyPrefix);
  return { ...key, hash: unusable };
}

/** Kept in place of a hash that another organization has: no key has it, and within the organization it is as unique. */
function unusableHash(orgId: string, keyHash: string): string {
  return `unusable:${orgId}:${keyHash}`;
}

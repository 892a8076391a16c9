import { AppError } from "../../core/error.js";
import type { KeyType, Token } from "../../core/token.js";
import type { Reader } from "../../store/store.js";
import { chosenKey, createRawKey, type RawKey } from "./raw-key.js";

/** The key of a new token: generated, or supplied by its hash. */
export interface GivenKey {
  /** SHA-256 of the caller's own key, lower-case hex; a key is generated without it. */
  readonly keyHash?: string | null;
  /**
   * Whether to refuse a key of another organization: for the operator's provisioning only. Other callers get a token that looks like any
   * other and never works, so that they cannot find out which keys exist.
   */
  readonly refusesForeignKey?: boolean;
}

/**
 * A generated key, or the stored form of the caller's own. Throws `conflict` if a token of the organization has or had it. A token of
 * another organization with the same key does not change the response; the new one then has a hash of which isForeign is true.
 */
export async function keyFor(
  reader: Reader,
  orgId: string,
  keyType: KeyType,
  { keyHash, refusesForeignKey = false }: GivenKey,
): Promise<RawKey> {
  if (keyHash === null || keyHash === undefined) return createRawKey(keyType);
  const unusable = unusableHash(orgId, keyHash);
  const holder = await reader.tokenByHash(keyHash);
  const hadItUnusable = (await reader.tokenByHash(unusable)) !== null;
  if (holder === null && !hadItUnusable) return chosenKey(keyHash);
  if (holder?.orgId === orgId || hadItUnusable || refusesForeignKey) {
    throw new AppError("conflict", "this key already is or was a token: use another key", { reason: "key_exists" });
  }
  return { ...chosenKey(keyHash), hash: unusable };
}

/** Whether the key of a token is another organization's, so that it never works. */
export function isForeign({ hash }: Pick<Token, "hash">): boolean {
  return hash.startsWith(UNUSABLE);
}

const UNUSABLE = "unusable:";

/** Stored instead of a hash that another organization has: no key has this hash, and it is unique within the organization. */
function unusableHash(orgId: string, keyHash: string): string {
  return `${UNUSABLE}${orgId}:${keyHash}`;
}

import type { KeyType } from "../core/token.js";
import { createRawKey } from "../service/tokens/raw-key.js";

/** A token's key that no server knows yet, with the hash that a server keeps. */
export interface OfflineKey {
  readonly rawKey: string;
  /** Lower-case hex. */
  readonly sha256: string;
}

/** Creates a key for a token that a declaration will name by its hash. */
export function createOfflineKey(type: KeyType): OfflineKey {
  const { rawKey, hash } = createRawKey(type);
  return { rawKey, sha256: hash };
}

import type { KeyType } from "../core/token.js";
import { createRawKey } from "../service/tokens/raw-key.js";

/** A key that no server knows yet, and what a server keeps of it. */
export interface OfflineKey {
  readonly rawKey: string;
  /** Lower-case hex. */
  readonly sha256: string;
}

/** Makes a key for a token that a declaration will name by its hash. */
export function createOfflineKey(type: KeyType): OfflineKey {
  const { rawKey, hash } = createRawKey(type);
  return { rawKey, sha256: hash };
}

import type { PublicKeyRecord } from "../core/key.js";
import type { Store } from "../store/store.js";
import type { SigningKeys } from "./key-files.js";

/** A public key, and whether new signatures of its purpose are made with it. */
export interface ListedKey {
  readonly key: PublicKeyRecord;
  readonly isCurrent: boolean;
}

/** Lists the public keys: bundle keys first, then audit and webhook keys, current ones first. */
export function createKeyList(deps: { readonly store: Store; readonly keys: SigningKeys }): {
  list(): Promise<readonly ListedKey[]>;
} {
  const { store, keys } = deps;
  return {
    async list() {
      const listed: ListedKey[] = [];
      for (const purpose of ["bundles", "audit", "webhooks"] as const) {
        const known = await store.read.publicKeys(purpose);
        const current = keys[purpose].keyId;
        const withMark = known.map((key) => ({ key, isCurrent: key.keyId === current }));
        listed.push(
          ...withMark.filter(({ isCurrent }) => isCurrent),
          ...withMark.filter(({ isCurrent }) => !isCurrent),
        );
      }
      return listed;
    },
  };
}

import { KeyList } from "../../service/keys/keys.js";
import { KeyRing } from "../../service/keys/key-ring.js";
import { Signers } from "../../service/keys/signers.js";
import type { ServiceContext } from "./context.js";

/** The server's keys: which of them count, which one signs, and the list for callers. */
export interface KeyServices {
  readonly ring: KeyRing;
  readonly signers: Signers;
  readonly keys: KeyList;
}

/** Composes the keys of the server and of its tenants. */
export function composeKeys({ store, signingKeys: keys }: ServiceContext): KeyServices {
  const ring = new KeyRing({ store, keys });
  const signers = new Signers(keys);
  return { ring, signers, keys: new KeyList({ store, keys, ring, signers }) };
}

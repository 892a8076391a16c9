import { KeyList } from "../../service/keys/keys.js";
import { KeyRing } from "../../service/keys/key-ring.js";
import { Signers } from "../../service/keys/signers.js";
import type { SharedKeys } from "../../service/keys/shared-keys.js";
import type { ChangeFeed, ChangeFollower } from "../../store/change-feed.js";
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

/** What is told of the keys that another node changed. Must not throw. */
export interface KeyWarnings {
  /** Why this node cannot sign bundles any more with the keys that it found. */
  problem(reason: string): void;
  /** The keys could not be read; they are read again before the next one signs. */
  failed(error: unknown): void;
}

/**
 * Takes over the keys that other nodes announce, activate, withdraw and retire, until the result is disposed. A node that has not heard
 * yet commits nothing that an earlier key signed: see SharedRotatedKey.
 */
export function followKeys(
  feed: Pick<ChangeFeed, "follow">,
  { keys, onChanged }: SharedKeys,
  ring: KeyRing,
  warnings: KeyWarnings,
): Disposable {
  onChanged(() => ring.forget());
  const refresh = async () => {
    // Also without other keys in the slots: one may have been retired.
    ring.forget();
    const { problem } = keys;
    await keys.shared.refresh();
    if (keys.problem !== null && keys.problem !== problem) warnings.problem(keys.problem);
  };
  const readAgain = () => void refresh().catch((error: unknown) => warnings.failed(error));
  const follower: ChangeFollower = {
    changed: (changes) => {
      if (changes.some(({ kind }) => kind === "keys")) readAgain();
    },
    missed: readAgain,
  };
  return feed.follow(follower);
}

import type { Clock } from "../../core/clock.js";
import type { Tracing } from "../../core/trace.js";
import type { ServiceObservers, ServiceWarnings } from "../../service/changes/observers.js";
import type { StoreChanges } from "../../service/changes/store-changes.js";
import type { LastKeys, SigningKeys } from "../../service/keys/key-files.js";
import type { KeptKey } from "../../service/tokens/kept-key.js";
import type { ChangeFeed } from "../../store/change-feed.js";
import type { Store } from "../../store/store.js";

/** What the process gives to every feature. */
export interface ServiceContext {
  /** Observed by `storeChanges`. */
  readonly store: Store;
  /** Tells what is committed to the store. */
  readonly storeChanges: StoreChanges;
  /** How it hears of what other processes change; null where it alone writes. */
  readonly feed: ChangeFeed | null;
  readonly clock: Clock;
  readonly signingKeys: SigningKeys;
  /** Where the current public keys are kept for the next start. */
  readonly lastKeys: LastKeys;
  readonly observers: ServiceObservers;
  readonly warnings: ServiceWarnings;
  readonly tracing: Tracing;
  readonly keptKey: KeptKey;
}

import { EnvironmentWatches } from "../../service/watches/environment-watches.js";
import type { ServiceContext } from "./context.js";
import type { TokenServices } from "./tokens.js";

/** What people and programs that look at environments follow. */
export interface WatchServices {
  /** Disposing of it ends what it reads. */
  readonly watches: EnvironmentWatches;
}

/** Composes watches of environments. Heartbeats come every `heartbeatMs`. */
export function composeWatches(
  { store, storeChanges, feed, clock }: ServiceContext,
  { authentication, sessions, freshness }: TokenServices,
  heartbeatMs: number,
): WatchServices {
  return {
    watches: new EnvironmentWatches({
      ...{ read: store.read, clock, changes: storeChanges, isShared: feed !== null },
      ...{ authentication, sessions, freshness, heartbeatMs },
    }),
  };
}

import type { Clock } from "./core/clock.js";
import { ActiveBundles } from "./service/active-bundles.js";
import { createAudit } from "./service/audit.js";
import { Bundles } from "./service/bundles.js";
import { Environments } from "./service/environments.js";
import { Idempotency } from "./service/idempotency.js";
import { Instances } from "./service/instances.js";
import type { SigningKeys } from "./service/key-files.js";
import { createKeyList } from "./service/keys.js";
import { LatestBundles } from "./service/latest.js";
import { Organizations } from "./service/organizations.js";
import { Projects } from "./service/projects.js";
import { Publishing } from "./service/publishing.js";
import { Refusals } from "./service/refusals.js";
import { Sessions, type SessionLimits } from "./service/sessions.js";
import { Telemetry } from "./service/telemetry.js";
import { Tokens } from "./service/tokens.js";
import { TokenUse } from "./service/token-use.js";
import { Wakeups } from "./service/wakeups.js";
import { Watch } from "./service/watch.js";
import type { Store } from "./store/store.js";

export interface AssembleOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly keys: SigningKeys;
  readonly sessionLimits: SessionLimits;
  readonly heartbeatMs: number;
}

export type Services = ReturnType<typeof assembleServices>;

/** Every use case, wired: the same for a server and for an offline command. */
export function assembleServices({ store, clock, keys, sessionLimits, heartbeatMs }: AssembleOptions) {
  const audit = createAudit({ store, clock, signer: keys.audit });
  const sessions = new Sessions(clock, sessionLimits);
  const wakeups = new Wakeups();
  const idempotency = new Idempotency({ store, clock });
  const use = new TokenUse(store);
  const tokens = new Tokens({ store, clock, audit, sessions, use });
  const active = new ActiveBundles(store);
  const instances = new Instances({ store, clock });
  return {
    audit,
    sessions,
    idempotency,
    use,
    tokens,
    instances,
    clock,
    keys: createKeyList({ store, keys }),
    refusals: new Refusals({ store, audit, clock }),
    organizations: new Organizations({ store, clock, audit, tokens }),
    projects: new Projects({ store, clock, audit, tokens, sessions }),
    environments: new Environments({ store, clock, audit, sessions }),
    bundles: new Bundles({ store, clock, audit, idempotency, wakeups }),
    publishing: new Publishing({ store, clock, signer: keys.bundles, audit, idempotency, wakeups }),
    watch: new Watch({ active, tokens, sessions, wakeups, instances, heartbeatMs }),
    latest: new LatestBundles({ active, tokens, sessions, wakeups }),
    telemetry: new Telemetry(),
  };
}

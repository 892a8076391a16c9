import { parseAllowList } from "../../../src/outbound/allow-list.js";
import { StoreChanges } from "../../../src/service/changes/store-changes.js";
import { composeServices, type Services } from "../../../src/server/compose/services.js";
import { followKeys } from "../../../src/server/compose/keys.js";
import { NO_TRACING } from "../../../src/core/trace.js";
import { DEFAULT_DOCUMENTS } from "../../../src/service/documents/documents.js";
import { NO_OBSERVERS, NO_WARNINGS } from "../../../src/service/changes/observers.js";
import { keepPublicKeys } from "../../../src/service/keys/key-records.js";
import { newPem } from "../../../src/service/keys/rotated-key.js";
import { KeySealer } from "../../../src/service/keys/key-sealer.js";
import { newDerivation } from "../../../src/service/keys/seal.js";
import { keepFirstSet, sealKeySet } from "../../../src/service/keys/sealed-key-set.js";
import { openSharedKeys, type SharedKeyOptions, type SharedKeys } from "../../../src/service/keys/shared-keys.js";
import { keyEventRecorder } from "../../../src/service/rotation/key-events.js";
import { NO_KEPT_KEY } from "../../../src/service/tokens/kept-key.js";
import type { ChangeFollower } from "../../../src/store/change-feed.js";
import type { Store } from "../../../src/store/store.js";
import { MovableClock } from "../fixture.js";

/** 44 characters, as `openssl rand -base64 32` prints. */
export const SECRET = "kF1uY2mHq8xRz0bWcTnVsEoLgJdAiPp3r5t7w9y1B4M=";

/** Encrypts new rows at little cost. */
export function cheapSealer(secret: string): KeySealer {
  return new KeySealer(secret, "SIGNET_KEY_SECRET", () => ({ ...newDerivation(), N: 16 }));
}

/** Keeps a set of keys whose secret costs little to derive: a start takes milliseconds. */
export async function keepCheapSet(store: Store, bundles = newPem()): Promise<void> {
  const sealer = cheapSealer(SECRET);
  const set = { bundles, audit: newPem(), webhooks: newPem(), attestation: newPem() };
  await keepFirstSet(store, await sealKeySet(set, sealer, "2026-05-01T12:00:00.000Z"));
}

/** One of several nodes on a store: its services, with the keys that it shares with the others. */
export interface SharedNode {
  readonly services: Services;
  readonly shared: SharedKeys;
  /** What the feed of changes calls when another node changed something. */
  readonly hears: ChangeFollower;
  /** Why it could not sign, as it was told. */
  readonly problems: readonly string[];
}

/** Starts a node, as the server does. It hears of the others' changes by `hears` alone. */
export async function startNode(
  store: Store,
  options: Partial<SharedKeyOptions> = {},
  clock = new MovableClock(),
): Promise<SharedNode> {
  const settings = { secret: SECRET, signingKey: null, nextSigningKey: null };
  const shared = await openSharedKeys(store, { ...settings, clock, othersLive: async () => true, ...options });
  const services = composeServices(
    {
      ...{
        store,
        clock,
        signingKeys: shared.keys,
        lastKeys: shared.lastKeys,
        feed: null,
        storeChanges: new StoreChanges(),
      },
      ...{ observers: NO_OBSERVERS, warnings: NO_WARNINGS, tracing: NO_TRACING, keptKey: NO_KEPT_KEY },
    },
    {
      webhooks: {
        ...{ allowList: parseAllowList(""), schedule: [0], timeoutMs: 2_000, userAgent: "signet/test" },
        onError: (error) => {
          throw error;
        },
      },
      documents: DEFAULT_DOCUMENTS,
      consoleServer: null,
      decisions: null,
      server: { version: "test", url: null },
      node: { name: "test", version: "test", schema: "test" },
      sessionLimits: { stream: 3, poll: 3 },
      heartbeatMs: 600_000,
      leaseSeconds: 300,
    },
  );
  const { audit, keys } = services;
  await keepPublicKeys(store, clock, shared.keys, shared.lastKeys, keyEventRecorder(audit.audit));
  const problems: string[] = [];
  let hears: ChangeFollower = { changed() {}, missed() {} };
  const follow = (follower: ChangeFollower) => {
    hears = follower;
    return { [Symbol.dispose]() {} };
  };
  followKeys({ follow }, shared, keys.ring, {
    problem: (reason) => void problems.push(reason),
    failed: (error) => {
      throw error;
    },
  });
  return { services, shared, hears, problems };
}

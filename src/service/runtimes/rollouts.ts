import type { Deployment } from "../../core/bundle.js";
import { instantOf, type Clock } from "../../core/clock.js";
import { invalidField } from "../../core/error.js";
import { ROLLOUT_STATES, rolloutState, type RolloutState, type RuntimeInstance } from "../../core/runtime-instance.js";
import type { Principal } from "../../core/token.js";
import type { Store } from "../../store/store.js";
import { visibleEnvironment, type EnvironmentPath } from "../access/access.js";
import type { Nodes } from "../nodes/nodes.js";
import type { Instances, InstanceView } from "./instances.js";

/** How far the active bundle of an environment has come. */
export interface Rollout {
  /** Null while nothing is active. */
  readonly active: Deployment | null;
  /** Every live instance applied it; also when none is live. False while nothing is active. */
  readonly isComplete: boolean;
  /** A newer activation took the place of the one that was asked for. */
  readonly isSuperseded: boolean;
  readonly live: number;
  /** Live instances. */
  readonly counts: Readonly<Record<RolloutState, number>>;
  /** Live instances that did not apply it, those that rejected it first; at most as many as were asked for. */
  readonly laggards: readonly InstanceView[];
}

/** Which rollout is asked for. */
export interface RolloutQuery {
  /** The activation that the caller means; what is active when undefined. */
  readonly sequence?: number;
  /** How many laggards are listed: 25 by default. */
  readonly limit?: number;
}

/** In this order laggards are listed. */
const LAGGING = ["rejected", "behind", "unknown"] as const;

/** Tells how far what is active has come. */
export class Rollouts {
  constructor(
    private readonly deps: {
      readonly store: Store;
      readonly clock: Clock;
      readonly instances: Instances;
      readonly nodes: Nodes;
    },
  ) {}

  /** Throws `not_found` for an environment that the token does not see, `invalid` for a sequence above the newest one. */
  async get(caller: Principal, path: EnvironmentPath, { sequence, limit = 25 }: RolloutQuery): Promise<Rollout> {
    const { store, clock, instances, nodes } = this.deps;
    const environment = await visibleEnvironment(store.read, caller, path);
    if (sequence !== undefined && sequence > environment.sequence) {
      throw invalidField(["sequence"], `must be from 1 to ${environment.sequence}, the newest`, "range", "query");
    }
    // As in Instances.list.
    await instances.flush().catch(() => undefined);
    const { orgId, activeDeploymentId } = environment;
    const active = activeDeploymentId === null ? null : await store.read.deployment(orgId, activeDeploymentId);
    const now = instantOf(clock.now());
    const counts = Object.fromEntries(ROLLOUT_STATES.map((state) => [state, 0])) as Record<RolloutState, number>;
    for (const { count, ...reported } of await store.read.liveCounts(environment.id, now)) {
      counts[rolloutState(reported, active?.sequence ?? null)] += count;
    }
    const connections = await nodes.live();
    const laggards: InstanceView[] = [];
    for (const state of LAGGING) {
      if (counts[state] === 0 || laggards.length >= limit) continue;
      const found = await store.read.liveInstances(environment.id, state, now, limit - laggards.length);
      const viewOf = (it: RuntimeInstance) =>
        instances.viewOf(it, active?.sequence ?? null, environment.sequence, connections);
      laggards.push(...found.map(viewOf));
    }
    const lagging = LAGGING.reduce((sum, state) => sum + counts[state], 0);
    return {
      ...{ active, counts, laggards, live: lagging + counts.applied },
      isComplete: active !== null && lagging === 0,
      isSuperseded: sequence !== undefined && sequence < (active?.sequence ?? 0),
    };
  }
}

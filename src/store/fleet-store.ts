import type { Instant } from "../core/clock.js";
import type { InstanceState, RolloutState, RuntimeInstance } from "../core/runtime-instance.js";
import type { Page } from "./page.js";

/** Which instances are listed: those that match all of what is set. */
export interface FleetFilter {
  /** By what is active in the instance's environment. */
  readonly state?: RolloutState;
  /** Whether it is live and has a watch open in one of the processes of `connections`. */
  readonly connected?: boolean;
  readonly live?: boolean;
  readonly version?: number;
  readonly label?: { readonly key: string; readonly value: string };
  /** The address that it was last seen at. */
  readonly source?: string;
  /** What its agent begins with. */
  readonly agent?: string;
  /** What its id, agent, address, reason or labels have; case does not matter. */
  readonly text?: string;
  readonly instanceId?: string;
  readonly now: Instant;
  /** The processes that are there; at least one. */
  readonly connections: readonly string[];
}

/** Which environments of a project are looked at: all without a field. */
export interface FleetScope {
  readonly projectId: string;
  readonly environmentId?: string;
  readonly name?: string;
}

/** An environment, and how many of its instances match. */
export interface FleetEnvironment {
  readonly environmentId: string;
  readonly name: string;
  readonly newestSequence: number;
  /** Null while nothing is active. */
  readonly activeSequence: number | null;
  readonly total: number;
}

/** Live instances of an environment that reported the same. */
export interface LiveCount {
  readonly state: InstanceState;
  readonly appliedVersion: number | null;
  readonly appliedSequence: number | null;
  readonly reportedSequence: number | null;
  readonly count: number;
}

/** An environment of any organization, with what is active in it. */
export interface NamedEnvironment {
  readonly id: string;
  readonly organization: string;
  readonly project: string;
  readonly name: string;
  /** Null while nothing is active. */
  readonly active: { readonly sequence: number; readonly at: Instant } | null;
}

/** In which order instances are listed: last seen first, or by token and id, which no report changes. */
export type FleetOrder = "last_seen" | "instance_id";

/** What instances of one group have in common; labels as their JSON text. */
export type FleetGrouping = "version" | "agent" | "labels" | "none";

/** Instances of an environment that have a value in common and stand alike. */
export interface GroupedCount {
  /** Null for instances that have none. */
  readonly value: string | null;
  readonly isLive: boolean;
  readonly rollout: RolloutState;
  readonly count: number;
}

/** Look-ups across a fleet. Those of live instances read an index and no row, and nothing of instances that are not live. */
export interface FleetReader {
  /** By position, then name. */
  fleetEnvironments(scope: FleetScope, filter: FleetFilter): Promise<readonly FleetEnvironment[]>;
  /** A page may be shorter when its rows are large (queries/paging.ts). */
  fleetInstances(
    environmentId: string,
    filter: FleetFilter,
    page: Page,
    order: FleetOrder,
  ): Promise<readonly RuntimeInstance[]>;
  /** Counts by value and standing, the largest first, at most `limit`. */
  fleetGroups(
    environmentId: string,
    filter: FleetFilter,
    grouping: FleetGrouping,
    limit: number,
  ): Promise<readonly GroupedCount[]>;
  /** Those of all organizations whose id is above `after`, by their id; organization and project by slug. */
  namedEnvironments(after: string, limit: number): Promise<readonly NamedEnvironment[]>;
  /** Which of these environments have live instances. */
  environmentsWithLive(environmentIds: readonly string[], now: Instant): Promise<ReadonlySet<string>>;
  /** Tens of milliseconds for 10,000 live instances. */
  liveCounts(environmentId: string, now: Instant): Promise<readonly LiveCount[]>;
  /** At most `limit` live instances in this state, in no order. */
  liveInstances(
    environmentId: string,
    state: RolloutState,
    now: Instant,
    limit: number,
  ): Promise<readonly RuntimeInstance[]>;
}

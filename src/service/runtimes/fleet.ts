import { instantOf, type Clock } from "../../core/clock.js";
import { defined } from "../../core/defined.js";
import { notFound } from "../../core/error.js";
import { nextTurn } from "../../core/schedule/in-steps.js";
import type { RolloutState } from "../../core/runtime-instance.js";
import type { Principal } from "../../core/token.js";
import type { FleetEnvironment, FleetFilter, FleetOrder, FleetScope } from "../../store/fleet-store.js";
import type { Listed, Page } from "../../store/page.js";
import type { Store } from "../../store/store.js";
import { visibleProject } from "../access/access.js";
import type { Nodes } from "../nodes/nodes.js";
import { FleetTally, type FleetSummary } from "./fleet-tally.js";
import type { Instances, InstanceView } from "./instances.js";

/** Which instances are asked for. Everything that is set must match. */
export interface FleetQuery {
  /** Undefined: all projects that the token sees. */
  readonly projectId?: string;
  /** The name of an environment, in each project. */
  readonly environment?: string;
  readonly state?: RolloutState;
  readonly connected?: boolean;
  readonly live?: boolean;
  readonly version?: number;
  /** `key=value`. */
  readonly label?: string;
  readonly source?: string;
  /** What its agent begins with. */
  readonly agent?: string;
  /** What its id, agent, address, reason or labels have. */
  readonly text?: string;
  readonly instanceId?: string;
}

/** Which page of them. */
export interface FleetPage extends FleetQuery {
  /** 25 by default. */
  readonly limit?: number;
  readonly offset: number;
  /** Last seen first by default. */
  readonly order?: FleetOrder;
}

/** An instance with the environment that it belongs to. */
export interface FleetInstance extends InstanceView {
  readonly projectId: string;
  readonly environment: string;
}

/** Projects that are looked up at once. */
const PROJECTS_PER_PAGE = 50;
/** Values that are counted in one environment: as labels, for example, each instance may have its own. */
const MAX_COUNTED_GROUPS = 20_000;

/** Lists instances across environments. */
export class Fleet {
  constructor(
    private readonly deps: {
      readonly store: Store;
      readonly clock: Clock;
      readonly instances: Instances;
      readonly nodes: Nodes;
    },
  ) {}

  /**
   * A page of the instances, newest project first, environments by position, in each by the order of the page. Counts project by project, each in
   * a turn of the event loop. Throws `not_found` for a project, and for an environment of it, that the token does not see, and the signal's reason when it aborts.
   */
  async list(
    caller: Principal,
    query: FleetPage,
    signal: AbortSignal,
  ): Promise<Listed<FleetInstance> & { limit: number }> {
    const { instances, nodes } = this.deps;
    // As in Instances.list.
    await instances.flush().catch(() => undefined);
    const live = await nodes.live();
    const filter = this.#filterOf(query, live);
    const limit = query.limit ?? 25;
    const rows: FleetInstance[] = [];
    let total = 0;
    let isCut = false;
    for await (const found of this.#environments(caller, query, filter, signal)) {
      const offset = Math.max(0, query.offset - total);
      const wanted: number = isCut ? 0 : Math.min(limit - rows.length, found.total - offset);
      total += found.total;
      if (wanted <= 0) continue;
      const page = await this.#page(found, filter, live, { limit: wanted, offset }, query.order ?? "last_seen");
      rows.push(...page);
      isCut = page.length < wanted;
    }
    return { rows, total, limit: isCut && rows.length > 0 ? rows.length : limit };
  }

  async *#environments(caller: Principal, query: FleetQuery, filter: FleetFilter, signal: AbortSignal) {
    for await (const projectId of this.#projects(caller, query.projectId)) {
      signal.throwIfAborted();
      const scope: FleetScope = {
        projectId,
        ...defined({ environmentId: caller.environmentId ?? undefined, name: query.environment }),
      };
      const environments = await this.deps.store.read.fleetEnvironments(scope, filter);
      // One that was asked for by its path; in all projects, those that have it count.
      const isNamed = query.projectId !== undefined && query.environment !== undefined;
      if (isNamed && environments.length === 0) throw notFound("environment");
      for (const environment of environments) yield { ...environment, projectId };
      await nextTurn();
    }
  }

  async *#projects(caller: Principal, wanted: string | undefined): AsyncGenerator<string> {
    const { read } = this.deps.store;
    if (wanted !== undefined || caller.projectId !== null) {
      yield (await visibleProject(read, caller, wanted ?? caller.projectId ?? "")).id;
      return;
    }
    for (let offset = 0; ; offset += PROJECTS_PER_PAGE) {
      const { rows } = await read.projects(caller.orgId, { limit: PROJECTS_PER_PAGE, offset });
      yield* rows.map(({ id }) => id);
      if (rows.length < PROJECTS_PER_PAGE) return;
    }
  }

  async #page(
    {
      environmentId,
      name,
      projectId,
      activeSequence,
      newestSequence,
    }: FleetEnvironment & { readonly projectId: string },
    filter: FleetFilter,
    live: ReadonlySet<string>,
    page: Page,
    order: FleetOrder,
  ): Promise<readonly FleetInstance[]> {
    const found = await this.deps.store.read.fleetInstances(environmentId, filter, page, order);
    return found.map((instance) => ({
      ...this.deps.instances.viewOf(instance, activeSequence, newestSequence, live),
      ...{ projectId, environment: name },
    }));
  }

  /**
   * Counts the instances that match, in groups. Throws as `list`.
   *
   * @param groupBy undefined: no groups
   */
  async summary(
    caller: Principal,
    query: FleetQuery,
    groupBy: string | undefined,
    signal: AbortSignal,
  ): Promise<FleetSummary> {
    const { instances, nodes, store } = this.deps;
    await instances.flush().catch(() => undefined);
    const filter = this.#filterOf(query, await nodes.live());
    const tally = new FleetTally(groupBy);
    for await (const { environmentId, name, total } of this.#environments(caller, query, filter, signal)) {
      if (total === 0) continue;
      const rows = await store.read.fleetGroups(environmentId, filter, tally.grouping, MAX_COUNTED_GROUPS);
      await tally.add(name, rows);
      // The rest of them is not in any group.
      if (rows.length === MAX_COUNTED_GROUPS) tally.isCut = true;
    }
    return tally.summary();
  }

  #filterOf(asked: FleetQuery, nodes: ReadonlySet<string>): FleetFilter {
    const { clock } = this.deps;
    const { state, connected, live, version, label, source, agent, text, instanceId } = asked;
    const equals = label?.indexOf("=") ?? -1;
    return {
      now: instantOf(clock.now()),
      connections: [...nodes],
      ...defined({ state, connected, live, version, source, agent, text, instanceId }),
      ...(label === undefined ? {} : { label: { key: label.slice(0, equals), value: label.slice(equals + 1) } }),
    };
  }
}

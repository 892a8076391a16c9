import { ROLLOUT_STATES, type RolloutState } from "../../core/runtime-instance.js";
import { nextTurn } from "../../core/schedule/in-steps.js";
import type { FleetGrouping, GroupedCount } from "../../store/fleet-store.js";

/** How many instances there are, how many of them live, and where the live ones stand. */
export interface FleetCounts extends Readonly<Record<RolloutState, number>> {
  readonly instances: number;
  readonly live: number;
}

/** Instances that have a value in common; null: that have none. */
export interface FleetGroup {
  readonly value: string | null;
  readonly counts: FleetCounts;
}

/** A fleet in numbers. */
export interface FleetSummary {
  readonly counts: FleetCounts;
  /** At most 100, the largest first; then by value. */
  readonly groups: readonly FleetGroup[];
  readonly hasMore: boolean;
}

/** Groups that are told. */
const MAX_GROUPS = 100;
/** Rows that are added in one turn of the event loop. */
const ROWS_PER_TURN = 1_000;
const LABEL = "label:";

/** Adds up what environments count. */
export class FleetTally {
  readonly #groups = new Map<string | null, Record<keyof FleetCounts, number>>();
  readonly #all = zero();
  readonly #labelKey: string | null;
  /** Not all values were counted in groups. */
  isCut = false;

  /** @param groupBy `environment`, `version`, `agent` or `label:` and a key; undefined: no groups */
  constructor(private readonly groupBy: string | undefined) {
    this.#labelKey = groupBy?.startsWith(LABEL) === true ? groupBy.slice(LABEL.length) : null;
  }

  /** What the database groups by. */
  get grouping(): FleetGrouping {
    if (this.#labelKey !== null) return "labels";
    return this.groupBy === "version" || this.groupBy === "agent" ? this.groupBy : "none";
  }

  /** Adds what was counted in the environment of this name. */
  async add(environment: string, rows: readonly GroupedCount[]): Promise<void> {
    for (const [index, row] of rows.entries()) {
      if (index % ROWS_PER_TURN === ROWS_PER_TURN - 1) await nextTurn();
      count(this.#all, row);
      if (this.groupBy === undefined) continue;
      const value = this.#valueOf(environment, row.value);
      const group = this.#groups.get(value) ?? zero();
      count(group, row);
      this.#groups.set(value, group);
    }
  }

  /** All of it. */
  summary(): FleetSummary {
    const groups = [...this.#groups].map(([value, counts]) => ({ value, counts }));
    groups.sort(
      (a, b) => b.counts.instances - a.counts.instances || (a.value ?? "").localeCompare(b.value ?? "", "en"),
    );
    const isMore = this.isCut || groups.length > MAX_GROUPS;
    return { counts: this.#all, groups: groups.slice(0, MAX_GROUPS), hasMore: this.groupBy !== undefined && isMore };
  }

  #valueOf(environment: string, value: string | null): string | null {
    if (this.groupBy === "environment") return environment;
    if (this.#labelKey === null) return value;
    const labels = JSON.parse(value ?? "{}") as Readonly<Record<string, string>>;
    return Object.hasOwn(labels, this.#labelKey) ? (labels[this.#labelKey] ?? null) : null;
  }
}

function zero(): Record<keyof FleetCounts, number> {
  const states = Object.fromEntries(ROLLOUT_STATES.map((state) => [state, 0])) as Record<RolloutState, number>;
  return { instances: 0, live: 0, ...states };
}

function count(counts: Record<keyof FleetCounts, number>, { isLive, rollout, count: more }: GroupedCount): void {
  counts.instances += more;
  if (!isLive) return;
  counts.live += more;
  counts[rollout] += more;
}

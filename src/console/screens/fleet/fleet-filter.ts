/** What the URL of the fleet says; each undefined without it. */
export interface FleetParams {
  /** `applied`, `behind`, `rejected`, `unknown` (of live instances), or `gone`: not live. */
  readonly state: string | undefined;
  readonly env: string | undefined;
  readonly label: string | undefined;
  readonly agent: string | undefined;
  readonly version: string | undefined;
  readonly q: string | undefined;
  /** `environment`, `version`, `agent` or `label:<key>`. */
  readonly group: string | undefined;
}

/** The filters that the server knows, in its words. */
export interface FleetFilter {
  readonly environment?: string;
  readonly label?: string;
  readonly agent?: string;
  readonly version?: number;
  readonly text?: string;
  readonly state?: string;
  readonly live?: boolean;
}

/** The states that can be chosen, with their texts. */
export const FLEET_STATES = ["applied", "behind", "rejected", "unknown", "gone"] as const;
/** One of {@link FLEET_STATES}. */
export type FleetState = (typeof FLEET_STATES)[number];

/** Of the parameters of a URL those of the fleet; an unknown state, version, label or grouping counts as none. */
export function fleetParams(query: Readonly<Record<string, string | undefined>>): FleetParams {
  const { state, env, label, agent, version, q, group } = query;
  const valid = (text: string | undefined, isValid: (text: string) => boolean) =>
    text !== undefined && text !== "" && isValid(text) ? text : undefined;
  return {
    state: valid(state, (text) => FLEET_STATES.some((known) => known === text)),
    env: valid(env, (text) => text.length <= 63),
    label: valid(label, (text) => labelProblem(text) === undefined),
    agent: valid(agent, (text) => text.length <= 255),
    version: valid(version, (text) => /^[1-9]\d{0,8}$/.test(text)),
    q: valid(q, (text) => text.length <= 255),
    group: valid(group, (text) => /^(environment|version|agent|label:.{1,63})$/.test(text)),
  };
}

/** What is wrong with the text of a label filter. */
export function labelProblem(text: string): string | undefined {
  if (!/^[^=]{1,63}=/.test(text)) return "Write key=value";
  return text.length > 319 ? "At most 319 characters" : undefined;
}

/** The filters without the state, which the figures are about. */
export function figuresFilter({ env, label, agent, version, q }: FleetParams): FleetFilter {
  return {
    ...(env !== undefined && { environment: env }),
    ...(label !== undefined && { label }),
    ...(agent !== undefined && { agent }),
    ...(version !== undefined && { version: Number(version) }),
    ...(q !== undefined && { text: q }),
  };
}

/** All filters. */
export function listFilter(params: FleetParams): FleetFilter {
  const { state } = params;
  if (state === undefined) return figuresFilter(params);
  return { ...figuresFilter(params), ...(state === "gone" ? { live: false } : { live: true, state }) };
}

/** The parameters that show the instances of one group; undefined for those without a value, which no filter names. */
export function groupQuery(group: string, value: string | undefined): Readonly<Record<string, string>> | undefined {
  if (value === undefined) return undefined;
  if (group === "environment") return { env: value };
  if (group === "version") return { version: value };
  if (group === "agent") return { agent: value };
  return { label: `${group.slice("label:".length)}=${value}` };
}

import type { Instant } from "./clock.js";
import type { RolloutState } from "./runtime-instance.js";
import type { KeyType } from "./token.js";

/** The slugs of organization and project, and the name of an environment; all {@link OTHERS} for what is beyond the limit. */
export interface FigurePlace {
  readonly organization: string;
  readonly project: string;
  readonly environment: string;
}

/** Stands for what figures do not tell apart. No slug and no name begins so. */
export const OTHERS = "_other";

/** Live instances that are alike. */
export interface InstanceFigure extends FigurePlace {
  readonly state: RolloutState;
  /** The version that they applied; `none`, or {@link OTHERS}. */
  readonly version: string;
  readonly count: number;
}

/** What is active in an environment, and since when. */
export interface ActiveFigure extends FigurePlace {
  readonly sequence: number;
  readonly since: Instant;
}

/** The figures of all fleets of a server, at one time. */
export interface FleetFigures {
  readonly instances: readonly InstanceFigure[];
  readonly active: readonly ActiveFigure[];
  /** The soonest expiry of a token of each kind that has one. */
  readonly tokenExpiry: ReadonlyMap<KeyType, Instant>;
}

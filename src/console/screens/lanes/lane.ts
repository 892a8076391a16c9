import type { Bundle } from "../../../../gen/signet/v1/bundle_pb.js";
import type { GetRolloutResponse } from "../../../../gen/signet/v1/runtime_pb.js";
import type { Place } from "./order.js";
import type { Known } from "./standing.js";

/** What one lane shows: an environment, where it stands, what is active in it and who runs it. */
export interface Lane extends Known, Place {
  /** The active bundle; undefined while nothing is active, and before it was read. */
  readonly bundle: Bundle | undefined;
  /** Live instances by what they applied; undefined before it was read. */
  readonly rollout: GetRolloutResponse | undefined;
  /** Whether history, bundle and rollout were read. */
  readonly isLoaded: boolean;
}

/** A lane by the name of its environment. */
export function laneOf(lanes: readonly Lane[], name: string | undefined): Lane | undefined {
  return lanes.find(({ environment }) => environment.name === name);
}

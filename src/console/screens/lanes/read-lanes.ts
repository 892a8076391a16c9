import type { Bundle, Deployment } from "../../../../gen/signet/v1/bundle_pb.js";
import type { Environment } from "../../../../gen/signet/v1/organization_pb.js";
import type { GetRolloutResponse } from "../../../../gen/signet/v1/runtime_pb.js";
import type { SignetClient } from "../../../sdk/client.js";
import type { ProjectAt } from "../../data/project-at.js";
import type { Lane } from "./lane.js";
import { promotionOrder } from "./order.js";

/** So many activations of each environment are kept: the active one and those before it. */
export const HISTORY = 8;

/** The calls that lanes are read by. */
export interface LaneClient {
  readonly organizations: Pick<SignetClient["organizations"], "listEnvironments">;
  readonly bundles: Pick<SignetClient["bundles"], "listDeployments" | "listBundles">;
  readonly runtimes: Pick<SignetClient["runtimes"], "getRollout">;
}

/** What is known of an environment besides its state: only an activation makes it outdated. */
export interface Detail {
  /** The activation at which it was so. */
  readonly sequence: number;
  /** The newest first. */
  readonly history: readonly Deployment[];
  /** Whether no activation is missing between those of `history`. */
  readonly isWhole: boolean;
  /** The active one; undefined while nothing is active, and before it was read. */
  readonly bundle: Bundle | undefined;
}

/** Rollouts by the ids of environments. */
export type Rollouts = Map<string, GetRolloutResponse>;

/** The environments of a project, as the server has them now. */
export async function listLanes(
  client: LaneClient,
  at: ProjectAt,
  signal: AbortSignal,
): Promise<readonly Environment[]> {
  const request = { orgId: at.org, projectId: at.project };
  return (await client.organizations.listEnvironments(request, { signal })).environments;
}

/** Reads the rollout of an environment, and what is not known of it yet: one call, and up to two more after an activation. */
export async function readLane(
  client: LaneClient,
  { org, project }: ProjectAt,
  { name, sequence, activeVersion }: Environment,
  known: Detail | undefined,
  signal: AbortSignal,
): Promise<{ readonly detail: Detail; readonly rollout: GetRolloutResponse }> {
  const environment = { orgId: org, projectId: project, envName: name };
  const isKnown = known?.sequence === sequence && known.isWhole;
  const isBundleKnown = activeVersion === undefined || known?.bundle?.version === activeVersion;
  const [deployments, bundles, rollout] = await Promise.all([
    isKnown ? undefined : client.bundles.listDeployments({ ...environment, limit: HISTORY }, { signal }),
    isBundleKnown
      ? undefined
      : client.bundles.listBundles({ ...environment, limit: 1, beforeVersion: activeVersion + 1 }, { signal }),
    client.runtimes.getRollout({ ...environment, limit: 1 }, { signal }),
  ]);
  const found = [...(bundles?.bundles ?? []), known?.bundle].find((bundle) => bundle?.version === activeVersion);
  const bundle = activeVersion === undefined ? undefined : found;
  return { detail: { sequence, history: deployments?.data ?? known?.history ?? [], isWhole: true, bundle }, rollout };
}

/** The lanes before, or after, their details were read. */
export function lanesOf(
  environments: readonly Environment[],
  details: ReadonlyMap<string, Detail>,
  rollouts: ReadonlyMap<string, GetRolloutResponse>,
): readonly Lane[] {
  return promotionOrder(environments).map((place) => {
    const { id } = place.environment;
    const detail = details.get(id);
    return {
      ...place,
      history: detail?.history ?? [],
      bundle: detail?.bundle,
      rollout: rollouts.get(id),
      isLoaded: detail !== undefined,
    };
  });
}

import type { Bundle, Deployment } from "../../../../gen/signet/v1/bundle_pb.js";
import type { Environment } from "../../../../gen/signet/v1/organization_pb.js";
import type { GetRolloutResponse } from "../../../../gen/signet/v1/runtime_pb.js";
import { client } from "../../data/client.js";
import type { ProjectAt } from "../../data/links.js";
import type { Lane } from "./lane.js";
import { promotionOrder } from "./order.js";

/** So many activations of each environment are read: the active one and those before it. */
const HISTORY = 8;

interface Detail {
  readonly sequence: number;
  readonly history: readonly Deployment[];
  readonly bundle: Bundle | undefined;
}

/** What was read of environments, by their ids: only an activation makes it outdated. */
export type Details = Map<string, Detail>;

/** The lanes of a project as the server has them now. `known` is what was read before; it is added to. */
export async function readLanes(at: ProjectAt, known: Details, signal: AbortSignal): Promise<readonly Lane[]> {
  const project = { orgId: at.org, projectId: at.project };
  const { environments } = await client.organizations.listEnvironments(project, { signal });
  const rollouts = new Map<string, GetRolloutResponse>();
  await Promise.all(
    environments.map(async (environment) => {
      const [detail, rollout] = await Promise.all([
        readDetail(at, environment, known, signal),
        client.runtimes.getRollout({ ...project, envName: environment.name, limit: 1 }, { signal }),
      ]);
      known.set(environment.id, detail);
      rollouts.set(environment.id, rollout);
    }),
  );
  return lanesOf(environments, known, rollouts);
}

/** The lanes before, or after, their details were read. */
export function lanesOf(
  environments: readonly Environment[],
  known: Details,
  rollouts: ReadonlyMap<string, GetRolloutResponse>,
): readonly Lane[] {
  return promotionOrder(environments).map((place) => {
    const { id } = place.environment;
    const detail = known.get(id);
    return {
      ...place,
      history: detail?.history ?? [],
      bundle: detail?.bundle,
      rollout: rollouts.get(id),
      isLoaded: detail !== undefined,
    };
  });
}

async function readDetail(
  { org, project }: ProjectAt,
  { id, name, sequence, activeVersion }: Environment,
  known: Details,
  signal: AbortSignal,
): Promise<Detail> {
  const before = known.get(id);
  if (before?.sequence === sequence) return before;
  const environment = { orgId: org, projectId: project, envName: name };
  const [deployments, bundles] = await Promise.all([
    client.bundles.listDeployments({ ...environment, limit: HISTORY }, { signal }),
    activeVersion === undefined
      ? undefined
      : client.bundles.listBundles({ ...environment, limit: 1, beforeVersion: activeVersion + 1 }, { signal }),
  ]);
  const bundle = bundles?.bundles.find(({ version }) => version === activeVersion);
  return { sequence, history: deployments.data, bundle };
}

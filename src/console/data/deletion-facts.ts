import type { Environment } from "../../../gen/signet/v1/organization_pb.js";
import { client } from "./client.js";
import { countingTotal } from "./counting-total.js";

/** Environments that are looked at one by one. */
const MAX_ENVIRONMENTS = 20;

/** What goes with environments that are deleted. */
export interface DeletionFacts {
  readonly versions: number;
  /** Runtimes that were seen in them. */
  readonly runtimes: number;
  readonly liveRuntimes: number;
  /** Tokens that are active; of a single environment its runtime tokens. */
  readonly tokens: number;
  /** Environments that were not looked at: there are too many. */
  readonly others: number;
}

/** Counts what goes with a project, or with one environment of it. `projectId` is an id or a slug. Throws SignetError. */
export async function deletionFacts(
  path: { readonly orgId: string; readonly projectId: string },
  environments: readonly Environment[],
  isWhole: boolean,
  signal: AbortSignal,
): Promise<DeletionFacts> {
  const shown = environments.slice(0, MAX_ENVIRONMENTS);
  const counts = await Promise.all(
    shown.map(async ({ name }) => {
      const counting = countingTotal(signal);
      const instances = { ...path, environment: name, limit: 1 };
      const [, seen, live] = await Promise.all([
        client.bundles.listBundles({ ...path, envName: name, limit: 1 }, counting),
        client.runtimes.listFleet(instances, { signal }),
        client.runtimes.listFleet({ ...instances, live: true }, { signal }),
      ]);
      return { versions: counting.total() ?? 0, runtimes: seen.total, liveRuntimes: live.total };
    }),
  );
  const { tokens } = await client.tokens.listTokens(
    { ...path, limit: 1000, ...(isWhole ? {} : { keyType: "runtime" }) },
    { signal },
  );
  const ids = new Set(environments.map(({ id }) => id));
  const active = tokens.filter(
    ({ isActive, environmentId }) => isActive && (isWhole || (environmentId !== undefined && ids.has(environmentId))),
  );
  const sum = (count: (one: (typeof counts)[number]) => number) => counts.reduce((total, one) => total + count(one), 0);
  return {
    versions: sum(({ versions }) => versions),
    runtimes: sum(({ runtimes }) => runtimes),
    liveRuntimes: sum(({ liveRuntimes }) => liveRuntimes),
    tokens: active.length,
    others: environments.length - shown.length,
  };
}

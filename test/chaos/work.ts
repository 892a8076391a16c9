import type { Bundle, SignetClient } from "../../src/sdk/index.js";
import { SignetError } from "../../src/sdk/index.js";

export const STAGES = ["dev", "staging", "prod"] as const;
export type Stage = (typeof STAGES)[number];

/** A change that was acknowledged. */
export interface Acknowledged {
  readonly kind: "publish" | "activate" | "promote";
  readonly stage: Stage;
  readonly bundle: Bundle;
}

export interface Where {
  readonly orgId: string;
  readonly projectId: string;
}

/** A small generator with a seed (mulberry32), so that a run can be repeated. */
export function createRandom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

/**
 * One random change: a publish, a promotion, or an activation of a version that is there. Null when the state did not allow it
 * (nothing to promote yet), which is an answer too.
 */
export async function change(
  client: SignetClient,
  where: Where,
  random: (below: number) => number,
  label: string,
): Promise<Acknowledged | null> {
  const stage = STAGES[random(3)] ?? "dev";
  const dice = random(10);
  try {
    if (dice < 5) {
      const policies = JSON.stringify({ stage, label, number: random(1_000_000) });
      const bundle = await client.bundles.publishBundle({ ...where, envName: stage, policies });
      return { kind: "publish", stage, bundle };
    }
    if (dice < 8) {
      const { bundles } = await client.bundles.listBundles({ ...where, envName: stage, limit: 20 });
      const kept = bundles[random(Math.max(1, bundles.length))];
      if (kept === undefined) return null;
      const bundle = await client.bundles.activateBundle({ ...where, envName: stage, version: kept.version });
      return { kind: "activate", stage, bundle };
    }
    const target = stage === "dev" ? "staging" : "prod";
    const sourceEnv = stage === "dev" ? "dev" : "staging";
    return { kind: "promote", stage: target, bundle: await client.bundles.promoteBundle({ ...where, sourceEnv }) };
  } catch (thrown) {
    if (thrown instanceof SignetError && (thrown.code === "not_found" || thrown.code === "conflict")) return null;
    throw thrown;
  }
}

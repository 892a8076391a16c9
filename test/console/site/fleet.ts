import type { SignetClient } from "../../../src/sdk/index.js";

/** Where an instance of a seeded fleet stands. */
export type Standing = "applied" | "behind" | "rejected";

/** A fleet that reports: `count` instances of one environment. */
export interface SeededFleet {
  /** With the environment's runtime token. */
  readonly runtime: SignetClient;
  readonly name: string;
  readonly count: number;
  /** What is active, and what those that are behind still have. */
  readonly sequence: number;
  readonly olderSequence: number;
  readonly standingOf: (index: number) => Standing;
}

const REGIONS = ["eu-central-1", "eu-west-1", "us-east-1"] as const;
const REJECTION = "rule 'hold-large-first-transfer': unknown action 'hold' (engine 3.1.0 knows allow, deny, step_up)";

/** Every instance reports once, each with its region, zone and the version of its program. */
export async function reportFleet(fleet: SeededFleet): Promise<void> {
  const { runtime, name, count, sequence, olderSequence, standingOf } = fleet;
  for (let start = 0; start < count; start += 50) {
    const portion = Array.from({ length: Math.min(50, count - start) }, (_, offset) => start + offset);
    await Promise.all(
      portion.map(async (index) => {
        const standing = standingOf(index);
        const region = REGIONS[index % REGIONS.length] ?? "";
        await runtime.runtimes.reportStatus({
          instanceId: `${name}-${region}-${String(index).padStart(count > 1000 ? 5 : 2, "0")}`,
          state: standing === "rejected" ? "rejected" : "applied",
          sequence: standing === "behind" ? olderSequence : sequence,
          ...(standing === "rejected" ? { reason: REJECTION } : {}),
          agent: `payment-gateway/${standing === "applied" ? "3.2.0" : "3.1.0"}`,
          labels: { region, zone: `${region}${"abc"[index % 3]}`, tier: index % 4 === 0 ? "canary" : "standard" },
        });
      }),
    );
  }
}

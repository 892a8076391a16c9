import { describe, expect, it } from "vitest";
import { runModel } from "./cluster/model.js";

/** How long the faults are done; a longer run has longer faults, too. */
const SECONDS = Number(process.env["SIGNET_TEST_MODEL_SECONDS"] ?? "10");
const SEED = Number(process.env["SIGNET_TEST_MODEL_SEED"] ?? "1");
const IS_LONG = SECONDS > 60;

describe("three nodes on one database", () => {
  it(
    `${SECONDS} s of faults: nothing lost, doubled, out of order or served too long`,
    async () => {
      const { figures, violations } = await runModel({
        ...{ seed: SEED, seconds: SECONDS, nodes: 3, watchersPerNode: IS_LONG ? 30 : 6, writers: IS_LONG ? 4 : 2 },
        ...(IS_LONG
          ? { frozenMs: 10_000, cutMs: 12_500, pauseMs: 4_000 }
          : { frozenMs: 2_000, cutMs: 4_000, pauseMs: 1_000 }),
        ...{ writePauseMs: 300, tokenPauseMs: 1_500 },
      });
      const counts = Object.fromEntries(Object.entries(violations).map(([check, found]) => [check, found.length]));
      if (process.env["SIGNET_TEST_MODEL_SECONDS"] !== undefined) {
        console.table(figures);
        console.table(counts);
        for (const [check, found] of Object.entries(violations)) {
          for (const one of found.slice(0, 10)) console.log(`${check}: ${one}`);
        }
      }
      const none = Object.fromEntries(Object.keys(violations).map((check) => [check, []]));
      expect(violations).toEqual(none);
    },
    (SECONDS + 300) * 1000,
  );
});

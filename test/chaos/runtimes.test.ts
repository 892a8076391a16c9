import { mkdir } from "node:fs/promises";
import { pino } from "pino";
import { describe, expect, it } from "vitest";
import { cutAgainAndAgain, recoverFromSeizure, rotateWithOverlap } from "../../bench/runtimes/runs.js";
import type { ServerStart } from "../../bench/runtimes/site.js";
import { DEFAULT_OPTIONS, startServer } from "../../src/server/server.js";
import { ADMIN_TOKEN, testConfig } from "../support/server.js";

/** A few here; RUNTIMES raises it. `npm run bench -- runtimes` does the same with a thousand, for minutes. */
const RUNTIMES = Number(process.env["RUNTIMES"] ?? 15);
const SIZE = { runtimes: RUNTIMES, backoff: { baseMs: 100, maxMs: 600, random: Math.random } };

const BY: ServerStart = {
  token: ADMIN_TOKEN,
  async start(directory) {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    return await startServer(testConfig({ SIGNET_DATA: directory }), pino({ level: "silent" }), DEFAULT_OPTIONS);
  },
};

describe(`${RUNTIMES} runtimes of one process`, () => {
  it("keep their waits behind a proxy that cuts and cuts, and all end on the newest", async () => {
    const seconds = 2;
    const run = { seconds, cutMs: 100, measuresHeap: false };
    const { cuts, meanWaits, refusals } = await cutAgainAndAgain(BY, SIZE, run);
    expect({ cuts, refusals }).toEqual({ cuts: 20, refusals: 0 });
    // Full jitter below 600 ms: a wait of 300 ms on average, after the first few.
    expect(meanWaits).toBeLessThan((seconds * 1_000) / 300 + 6);
  });

  it("lose and refuse nothing while the online keys change with an overlap", async () => {
    const { reached, refusals, sequences } = await rotateWithOverlap(BY, SIZE);
    expect({ reached, refusals, sequences }).toEqual({ reached: RUNTIMES, refusals: 0, sequences: [2, 3, 4, 5, 6] });
  });

  it("all follow to a lower sequence after a seizure", async () => {
    const { reached, sequences } = await recoverFromSeizure(BY, SIZE);
    expect(reached).toBe(RUNTIMES);
    expect(sequences.slice(0, 5)).toEqual([2, 3, 4, 5, 6]);
    expect(sequences.at(-1)).toBeLessThan(6);
  });
});

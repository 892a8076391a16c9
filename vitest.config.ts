import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";

// Files share a process, which halves the time of all of them. No test may change what is global and leave it so.
const common = { testTimeout: 60_000, hookTimeout: 60_000, pool: "forks", isolate: false } as const;

/** What is promised of watches and polls: to be kept by their own paths and by the generic handlers. */
const BOTH_PATHS = [
  "watch",
  "watch-ends",
  "watch-budget",
  "watch-slow",
  "latest",
  "lifecycle",
  "bad-input",
  "hammer",
  "revoked",
];

export default defineConfig({
  test: {
    // Vitest leaves one core free, which is half of the machine where there are two; many tests wait for sockets, timers and the disk.
    maxWorkers: Math.max(2, availableParallelism()),
    projects: [
      { test: { ...common, name: "signet", include: ["test/**/*.test.ts"] } },
      {
        test: {
          ...common,
          name: "generic handlers",
          include: BOTH_PATHS.map((name) => `test/scenarios/${name}.test.ts`),
          env: { SIGNET_TEST_HOT_PATHS: "off" },
        },
      },
    ],
  },
});

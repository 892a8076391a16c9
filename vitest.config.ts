import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";

// Files share a process, which halves the time of all of them. No test may change what is global and leave it so.
const common = {
  testTimeout: 60_000,
  hookTimeout: 60_000,
  pool: "forks",
  isolate: false,
  // PostgreSQL, for the files that ask for it.
  globalSetup: "test/support/postgres/shared-cluster.ts",
  setupFiles: "test/support/postgres/left-databases.ts",
} as const;

const ON_POSTGRES = [
  "test/store/queries/*.test.ts",
  "test/store/{deletion,transactions}.test.ts",
  "test/service/keys/shared-keys.test.ts",
  "test/service/changes/timed-jobs.test.ts",
];

export default defineConfig({
  test: {
    // Vitest leaves one core free, which is half of the machine where there are two; many tests wait for sockets, timers and the disk.
    maxWorkers: Math.max(2, availableParallelism()),
    projects: [
      { test: { ...common, name: "signet", include: ["test/**/*.test.ts"] } },
      // What has no word of its own about the kind of store runs on PostgreSQL too.
      { test: { ...common, name: "postgres", include: ON_POSTGRES, env: { SIGNET_TEST_STORE: "postgres" } } },
    ],
  },
});

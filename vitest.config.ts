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

/** What `npm test` runs a second time, on PostgreSQL: what writes most, and what nodes share. */
const ON_POSTGRES = [
  "test/store/queries/*.test.ts",
  "test/store/{deletion,transactions}.test.ts",
  "test/service/bundles/{activation,damage,deployment-search,holds,media-types,promotion,publishing,rollback}.test.ts",
  "test/service/changes/{deletions,idempotency,shared-writes,timed-jobs}.test.ts",
  "test/service/keys/shared-keys.test.ts",
  "test/service/nodes/*.test.ts",
  "test/service/pipelines/pipeline-promotion.test.ts",
  "test/service/runtimes/fleet.test.ts",
  "test/service/tenancy/organization-deletion.test.ts",
  "test/service/tokens/{console-sessions,tokens}.test.ts",
  "test/service/trust/{attesting,release-rules,releases,roots,trust-ends}.test.ts",
  "test/service/watches/*.test.ts",
  "test/service/webhooks/webhook-{dispatch,nodes}.test.ts",
  // Over two nodes.
  "test/scenarios/{environments-watch,console-sessions,level-2,lifecycle,who-and-why}.test.ts",
];

/** With SIGNET_TEST_POSTGRES=all: minutes more. */
const ALL_ON_POSTGRES = [...ON_POSTGRES, "test/service/**/*.test.ts", "test/scenarios/webhooks.test.ts"];

const NOT_ON_POSTGRES = [
  // Backups and archives are copies of SQLite's file, and of the key files beside it.
  "test/service/backups/**",
  // Keys in files of a data directory. Those in the database: shared-keys.test.ts.
  "test/service/keys/{key-files,key-ring}.test.ts",
  "test/service/rotation/key-rotation.test.ts",
  // One reads the file of a stopped server; another writes 10,000 events one after the other.
  "test/service/audit/refusals.test.ts",
  // Its false timers are those of PostgreSQL's client too, whose connections then end as too slow.
  "test/service/runtimes/latest.test.ts",
  // These open no store.
  "test/service/access/sessions.test.ts",
  "test/service/changes/wakeups.test.ts",
  "test/service/documents/**",
  "test/service/runtimes/subscriber.test.ts",
  "test/service/webhooks/delivery-lanes.test.ts",
];

export default defineConfig({
  test: {
    // Vitest leaves one core free, which is half of the machine where there are two; many tests wait for sockets, timers and the disk.
    maxWorkers: Math.max(2, availableParallelism()),
    projects: [
      { test: { ...common, name: "signet", include: ["test/**/*.test.ts"] } },
      // What has no word of its own about the kind of store runs on PostgreSQL too.
      {
        test: {
          ...common,
          name: "postgres",
          include: process.env["SIGNET_TEST_POSTGRES"] === "all" ? ALL_ON_POSTGRES : ON_POSTGRES,
          exclude: NOT_ON_POSTGRES,
          env: { SIGNET_TEST_STORE: "postgres" },
        },
      },
    ],
  },
});

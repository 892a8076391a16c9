import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { defineConfig, type Plugin } from "vitest/config";

/** A worker thread runs what the build made (`npm test` builds first): Node starts no TypeScript. */
const builtWorkers: Plugin = {
  name: "built-workers",
  load(id) {
    if (!id.endsWith("/src/service/start-document-worker.ts")) return null;
    const built = pathToFileURL("dist/src/service/start-document-worker.js").href;
    return readFileSync(id, "utf8").replace("import.meta.url", JSON.stringify(built));
  },
};

export default defineConfig({
  plugins: [builtWorkers],
  test: {
    include: ["test/**/*.test.ts"],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    pool: "forks",
  },
});

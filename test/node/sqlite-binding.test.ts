import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { expect, it } from "vitest";
import { endsProcess } from "../../packaging/node-install.js";

it("SQLite's compiled part outlives the environment: it was not made with the header files of Node 24.19 or later", () => {
  const sqlite = dirname(createRequire(import.meta.url).resolve("better-sqlite3/package.json"));
  expect(endsProcess(readFileSync(join(sqlite, "build/Release/better_sqlite3.node")))).toBe(false);
});

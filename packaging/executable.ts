import { execFile } from "node:child_process";
import { mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/** As a process of its own: it repeats a harmless warning for every section of the binary. */
const postject = createRequire(import.meta.url).resolve("postject/dist/cli.js");

/** What Node looks for in its own binary, to know whether a script was put in; `:0` until postject did. */
const FUSE = "NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2";

/**
 * Writes one executable: a copy of a Node, with a script and files in it
 * (https://nodejs.org/docs/latest-v24.x/api/single-executable-applications.html).
 *
 * @param binary the path of that Node
 * @param assets the files, by the name that `node:sea` knows them by
 * @throws when this Node is not one that can be copied
 */
export async function writeExecutable(
  target: string,
  binary: string,
  script: string,
  assets: Readonly<Record<string, string | Uint8Array>>,
): Promise<void> {
  const node = await readNode(binary);
  const scratch = await mkdtemp(join(tmpdir(), "signet-build-"));
  try {
    const blob = await prepareBlob(scratch, binary, script, assets);
    const unfinished = `${target}.new`;
    await writeFile(unfinished, node, { mode: 0o755 });
    await run(process.execPath, [postject, unfinished, "NODE_SEA_BLOB", blob, "--sentinel-fuse", FUSE]);
    await rename(unfinished, target);
  } finally {
    await rm(scratch, { recursive: true });
  }
}

async function readNode(binary: string): Promise<Buffer> {
  if (process.platform !== "linux") {
    throw new Error("the executable is made on Linux; elsewhere use the npm package, or npm run build:compile");
  }
  const node = await readFile(binary);
  if (!node.includes(`${FUSE}:0`)) {
    throw new Error(
      `${binary} cannot become an executable: it was built without single-executable support, or as a small program ` +
        "around a shared libnode (some distributions do). Build with a Node from nodejs.org",
    );
  }
  return node;
}

async function prepareBlob(
  scratch: string,
  binary: string,
  script: string,
  assets: Readonly<Record<string, string | Uint8Array>>,
): Promise<string> {
  const files: Record<string, string> = {};
  for (const [index, [name, content]] of Object.entries(assets).entries()) {
    files[name] = `asset-${index}`;
    await writeFile(join(scratch, `asset-${index}`), content);
  }
  await writeFile(join(scratch, "signet.cjs"), script);
  const configuration = {
    // Relative, because the path becomes part of the executable, which must not depend on where it was built.
    main: "signet.cjs",
    output: "signet.blob",
    disableExperimentalSEAWarning: true,
    useSnapshot: false,
    // Compiled functions beside the script: a third less time until a command runs.
    useCodeCache: true,
    assets: files,
  };
  await writeFile(join(scratch, "signet.json"), JSON.stringify(configuration));
  // V8 orders what it caches by a random seed; with one of ours two builds are the same bytes.
  await run(binary, ["--random-seed=1", "--experimental-sea-config", "signet.json"], { cwd: scratch });
  return join(scratch, "signet.blob");
}

import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, it } from "vitest";

const folder = fileURLToPath(new URL("../../sdks/python", import.meta.url));

/** What the tests import beside the standard library. */
const MODULES = ["cryptography", "gunicorn", "pytest"];

async function run(command: string, args: readonly string[]) {
  const child = spawn(command, args, {
    cwd: folder,
    // Nothing of it is written beside the sources.
    env: { ...process.env, PYTHONDONTWRITEBYTECODE: "1" },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (text) => (output += text));
  const [exitCode] = (await once(child, "close")) as [number | null];
  return { exitCode, output };
}

/** The first on the path that has what the tests need, else the system's, for which packages of the distribution are. */
async function findPython(): Promise<string> {
  const script = `import sys, ${MODULES.join(", ")}; assert sys.version_info >= (3, 10)`;
  for (const program of ["python3", "/usr/bin/python3"]) {
    const found = await run(program, ["-c", script]).catch(() => null);
    if (found?.exitCode === 0) return program;
  }
  throw new Error(
    `The tests of the Python SDK need Python 3.10 or later with ${MODULES.join(", ")}: ` +
      "apt-get install python3-cryptography python3-pytest gunicorn, or pip install them",
  );
}

describe("the Python SDK", () => {
  let python: string;
  beforeAll(async () => {
    python = await findPython();
  });

  it("passes its own tests, all vectors of the kit among them", async () => {
    const { exitCode, output } = await run(python, ["-m", "pytest", "-p", "no:cacheprovider", "-m", "not slow"]);
    expect(output).toMatch(/\d+ passed/);
    // A skipped test would say that something is missing here.
    expect(output).not.toMatch(/\d+ (?:skipped|failed|error)/);
    expect(exitCode, output).toBe(0);
  }, 300_000);
});

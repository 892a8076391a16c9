import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import { measureFirstBundle } from "./first-bundle.js";

const RUNS = 5;

/**
 * Runs an executable with nothing around it, and tells its size, how quickly it starts, and how long a first bundle takes. Throws when it
 * does not work.
 */
export async function measure(executable: string): Promise<string> {
  const { size } = await stat(executable);
  const command = await shortestMs(() => promisify(execFile)(executable, ["--version"], { env: {} }));
  const directory = await mkdtemp(join(tmpdir(), "signet-start-"));
  try {
    const first = await shortestMs(() => startAndStop(executable, directory), 1);
    const next = await shortestMs(() => startAndStop(executable, directory));
    const bundle = await measureFirstBundle(executable);
    const steps = [bundle.listens, bundle.tokenMade, bundle.watches, bundle.published].map((ms) => ms.toFixed(0));
    return [
      `dist/signet  ${(size / 1024 / 1024).toFixed(0)} MiB`,
      `  --version                                ${command.toFixed(0)} ms`,
      `  serve until it listens, first start      ${first.toFixed(0)} ms`,
      `  serve until it listens, later            ${next.toFixed(0)} ms`,
      `  first start to the first pushed bundle   ${bundle.pushed.toFixed(0)} ms`,
      `    (listens ${steps[0]}, token made ${steps[1]}, runtime watches ${steps[2]}, published ${steps[3]})`,
    ].join("\n");
  } finally {
    await rm(directory, { recursive: true });
  }
}

/** The shortest of some runs: what is longer was the machine doing something else. */
async function shortestMs(run: () => Promise<unknown>, runs = RUNS): Promise<number> {
  let shortest = Infinity;
  for (let i = 0; i < runs; i += 1) {
    const before = performance.now();
    const lasted = await run();
    shortest = Math.min(shortest, typeof lasted === "number" ? lasted : performance.now() - before);
  }
  return shortest;
}

/** Returns the milliseconds until the server said that it listens. */
async function startAndStop(executable: string, data: string): Promise<number> {
  const before = performance.now();
  const argv = ["serve", "--port", "0", "--data", data, "--log-level", "error"];
  const server = spawn(executable, argv, { env: {}, stdio: ["ignore", "pipe", "pipe"] });
  let errors = "";
  server.stderr.on("data", (text: Buffer) => (errors += text.toString()));
  const ended = once(server, "exit");
  for await (const _line of createInterface({ input: server.stdout })) {
    const lasted = performance.now() - before;
    server.kill("SIGTERM");
    await ended;
    return lasted;
  }
  throw new Error(`${executable} serve ended before it listened: ${errors}`);
}

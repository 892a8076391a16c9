import { execFile, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { promisify } from "node:util";

/** Milliseconds since the first start began, at the end of each step. */
export interface FirstBundle {
  readonly listens: number;
  readonly tokenMade: number;
  readonly watches: number;
  readonly published: number;
  /** The runtime has verified and printed the bundle that was pushed to it. */
  readonly pushed: number;
}

/**
 * Goes from an executable in an empty directory, with no variable in its environment but the server's URL and the runtime's token, to the
 * first bundle that a watching runtime has: five processes, one after the other, as a person would start them. Throws when one does not
 * do its part.
 */
export async function measureFirstBundle(executable: string): Promise<FirstBundle> {
  const directory = await mkdtemp(join(tmpdir(), "signet-first-"));
  const cwd = join(directory, "empty");
  const policy = join(directory, "policy.json");
  await mkdir(cwd);
  await writeFile(policy, JSON.stringify({ pii: { enabled: true } }));
  const running: ChildProcess[] = [];
  const start = (argv: readonly string[], env: Record<string, string>) => {
    const child = spawn(executable, argv, { cwd, env, stdio: ["ignore", "pipe", "pipe"] });
    running.push(child);
    return child;
  };
  const from = performance.now();
  const soFar = () => performance.now() - from;
  try {
    const server = start(["serve", "--port", "0", "--log-level", "error"], {});
    const listening = await lineOf(server.stdout, "listening on ");
    const SIGNET_URL = listening.slice(listening.indexOf("http"));
    const listens = soFar();
    const run = (argv: readonly string[]) => promisify(execFile)(executable, argv, { cwd, env: { SIGNET_URL } });
    const SIGNET_TOKEN = (await run(["token", "create", "--runtime", "--env", "dev"])).stdout.trim();
    const tokenMade = soFar();
    const runtime = start(["watch", "--count", "1"], { SIGNET_URL, SIGNET_TOKEN });
    const pushedLine = lineOf(runtime.stdout, "");
    await lineOf(runtime.stderr, "nothing is active yet");
    const watches = soFar();
    const publishing = run(["publish", "--env", "dev", "-f", policy]).then(soFar);
    await pushedLine;
    const pushed = soFar();
    return { listens, tokenMade, watches, published: await publishing, pushed };
  } finally {
    await Promise.all(running.map(stop));
    await rm(directory, { recursive: true });
  }
}

/** The first line that has the text in it. */
async function lineOf(stream: Readable, part: string): Promise<string> {
  const lines: string[] = [];
  for await (const line of createInterface({ input: stream })) {
    if (line.includes(part)) return line;
    lines.push(line);
  }
  throw new Error(`it ended without "${part}": ${lines.join("\n")}`);
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, "exit");
  child.kill("SIGTERM");
  await gone;
}

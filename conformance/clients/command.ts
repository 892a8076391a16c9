import { spawn } from "node:child_process";

/** A tool that is not there, or cannot be had: its client is not checked. */
export class NotThere extends Error {}

interface Options {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
}

const LIMIT_MS = 10 * 60_000;

/** Runs a program to its end and returns what it printed; rejects, with all that it said, unless it ends well. */
export async function run(program: string, args: readonly string[], options: Options = {}): Promise<string> {
  const said: Buffer[] = [];
  const env = { ...process.env, ...options.env };
  // Not `timeout`: its timer outlives a program that cannot be started, and this process would wait for it.
  const signal = AbortSignal.timeout(LIMIT_MS);
  const child = spawn(program, args, { ...options, env, stdio: ["ignore", "pipe", "pipe"], signal });
  child.stdout.on("data", (chunk: Buffer) => said.push(chunk));
  child.stderr.on("data", (chunk: Buffer) => said.push(chunk));
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", resolve);
  });
  const output = Buffer.concat(said).toString();
  if (code !== 0) throw new Error(`${program} ${args.slice(0, 3).join(" ")} … ended with ${code}:\n${output.trim()}`);
  return output;
}

/** Runs what fetches or finds a tool: where that fails, the tool is missing and the client is not at fault. */
export async function ready(program: string, args: readonly string[], options: Options = {}): Promise<string> {
  try {
    return await run(program, args, options);
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === "ENOENT";
    throw new NotThere(missing ? `there is no ${program}` : (error as Error).message);
  }
}

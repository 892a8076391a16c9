import { spawn } from "node:child_process";
import { join } from "node:path";
import { text } from "node:stream/consumers";

/** examples/ci, with the script and both files for CI services. */
export const CI = join(import.meta.dirname, "../../examples/ci");

/** How a shell ended. */
export interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** Runs a script as a CI service does: `sh -e`, in a directory, with these variables and no others of ours. */
export async function shell(script: string, cwd: string, env: Readonly<Record<string, string>>): Promise<Ended> {
  const PATH = process.env["PATH"] ?? "";
  const child = spawn("sh", ["-e", "-c", script], { cwd, env: { PATH, ...env }, stdio: ["ignore", "pipe", "pipe"] });
  const [out, err, code] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    new Promise<number | null>((resolve, reject) => child.once("error", reject).once("close", resolve)),
  ]);
  return { code, out, err };
}

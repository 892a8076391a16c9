import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync } from "node:fs";
import { rename } from "node:fs/promises";
import { join } from "node:path";
import { gatherContents } from "../../packaging/contents.js";
import { writeExecutable } from "../../packaging/executable.js";
import { Signet } from "../cli/spawned.js";

const ROOT = join(import.meta.dirname, "../..");
const FOLDER = join(ROOT, "dist/tested");

let built: Promise<string> | undefined;

/** The path of the executable of what `dist` holds. Test files that want the same one share it, across processes too. */
export function builtExecutable(): Promise<string> {
  return (built ??= build());
}

async function build(): Promise<string> {
  const { node, script, assets } = await gatherContents(ROOT);
  const hash = createHash("sha256").update(script);
  for (const name of Object.keys(assets).toSorted()) hash.update(name).update(assets[name] ?? "");
  const file = join(FOLDER, `signet-${hash.digest("hex").slice(0, 16)}`);
  if (existsSync(file)) return file;
  mkdirSync(FOLDER, { recursive: true });
  const own = `${file}.${process.pid}`;
  await writeExecutable(own, node.binary, script, assets);
  await rename(own, file);
  return file;
}

/** The executable in a directory, with these variables and no others: no PATH, no HOME. */
export async function startExecutable(
  directory: string,
  argv: readonly string[],
  environment: Readonly<Record<string, string>> = {},
  stdin = "",
): Promise<Signet> {
  const child = spawn(await builtExecutable(), argv, { cwd: directory, env: { ...environment } });
  return Signet.adopt(child, stdin);
}

/** Runs it to its end. */
export async function runExecutable(
  directory: string,
  argv: readonly string[],
  environment: Readonly<Record<string, string>> = {},
  stdin = "",
): Promise<{ exitCode: number | null; out: string; err: string }> {
  await using signet = await startExecutable(directory, argv, environment, stdin);
  const exitCode = await signet.exit;
  return { exitCode, out: signet.out, err: signet.err };
}

import { randomBytes } from "node:crypto";
import { chmod, mkdir, readdir, readFile } from "node:fs/promises";
import { basename, dirname, isAbsolute, join, resolve } from "node:path";
import type { OpaFile } from "../../bundle/opa/opa-file.js";
import { syncDirectory } from "../../sdk/runtime/node/node-files.js";
import { removeTree, replaceLink, statOf, writeNew } from "./disk.js";
import { makeParent } from "./file-target.js";
import { cannot, OutputError } from "./output-error.js";
import { DEFAULT_MODE, type OutputRule } from "./output-rule.js";
import { requireSafeNames } from "./safe-names.js";
import { linkAt, type Staged, type Target } from "./target.js";

/**
 * A set of files: a symbolic link at the path, which points to a directory of `.<name>.sets` beside it. A set is never changed: another
 * one is written whole, and then the link is replaced in one step.
 *
 * @param sequence of the activation, for the directory's name
 */
export function setTarget(rule: Omit<OutputRule, "kind">, files: readonly OpaFile[], sequence: number): Target {
  const { path } = rule;
  return {
    path,
    async stage() {
      requireSafeNames(files);
      const current = await currentSet(path);
      if (current !== null && (await holds(current, files, rule))) return null;
      const sets = setsOf(path);
      await makeParent(sets);
      await makeDirectory(sets, rule.directoryMode, true);
      const set = join(sets, `${sequence}-${randomBytes(4).toString("hex")}`);
      try {
        await writeSet(set, files, rule);
      } catch (thrown) {
        await removeTree(set).catch(() => undefined);
        throw thrown;
      }
      await syncDirectory(sets);
      return staged(path, set);
    },
  };
}

/** The directory beside a path that holds its sets. */
export function setsOf(path: string): string {
  return join(dirname(path), `.${basename(path)}.sets`);
}

/** Removes the sets of a path but for the one that the link points to, and those that are named. */
export async function pruneSets(path: string, keep: readonly string[]): Promise<void> {
  const sets = setsOf(path);
  if ((await statOf(sets)) === null) return;
  const current = await currentSet(path);
  const kept = [current, ...keep.map((to) => resolve(dirname(path), to))];
  const names = await readdir(sets).catch((thrown: unknown) => {
    throw cannot("read", sets, thrown);
  });
  for (const name of names) if (!kept.includes(join(sets, name))) await removeTree(join(sets, name));
}

/** The directory that the link points to; null when there is no link. Refuses what the agent did not put there. */
async function currentSet(path: string): Promise<string | null> {
  const there = await statOf(path);
  if (there === null) return null;
  if (!there.isSymbolicLink()) {
    const what = there.isDirectory() ? "a directory" : "a file";
    throw new OutputError(
      `${path} is ${what}, and the set needs a symbolic link there: move it away, or name another path`,
      true,
    );
  }
  const to = await linkAt(path);
  const set = isAbsolute(to) ? to : resolve(dirname(path), to);
  if (dirname(set) === setsOf(path)) return set;
  throw new OutputError(`${path} is a symbolic link to ${to}, which is no set of it: remove the link`, true);
}

function staged(path: string, set: string): Staged {
  let isInPlace = false;
  return {
    path: set,
    async commit() {
      await replaceLink(path, join(basename(setsOf(path)), basename(set)));
      isInPlace = true;
    },
    discard: async () => (isInPlace ? undefined : await removeTree(set)),
  };
}

async function writeSet(set: string, files: readonly OpaFile[], rule: Omit<OutputRule, "kind">): Promise<void> {
  await makeDirectory(set, rule.directoryMode, false);
  const made = new Set<string>([set]);
  for (const { name, bytes } of files) {
    const parts = name.split("/");
    for (let depth = 1; depth < parts.length; depth += 1) {
      const directory = join(set, ...parts.slice(0, depth));
      if (made.has(directory)) continue;
      await makeDirectory(directory, rule.directoryMode, false);
      made.add(directory);
    }
    await writeNew(join(set, ...parts), bytes, { mode: rule.mode ?? DEFAULT_MODE, owner: null });
  }
  for (const directory of [...made].toReversed()) await syncDirectory(directory);
}

async function makeDirectory(directory: string, mode: number, mayExist: boolean): Promise<void> {
  const there = mayExist ? await statOf(directory) : null;
  if (there !== null && !there.isDirectory()) throw new OutputError(`${directory} is no directory: remove it`, true);
  if (there !== null) return;
  try {
    await mkdir(directory, { mode });
    // The umask cuts the mode of mkdir.
    await chmod(directory, mode);
  } catch (thrown) {
    throw cannot("make", directory, thrown);
  }
}

/** Whether a set has these files, with these bytes and permissions, and nothing else. */
async function holds(set: string, files: readonly OpaFile[], { mode }: Omit<OutputRule, "kind">): Promise<boolean> {
  const expected = new Map(files.map(({ name, bytes }) => [name, bytes]));
  const open = [""];
  for (let folder = open.pop(); folder !== undefined; folder = open.pop()) {
    const entries = await readdir(join(set, folder), { withFileTypes: true }).catch(() => null);
    if (entries === null) return false;
    for (const entry of entries) {
      const name = folder === "" ? entry.name : `${folder}/${entry.name}`;
      if (entry.isDirectory()) open.push(name);
      else if (!(await isFile(join(set, name), expected.get(name), mode ?? DEFAULT_MODE))) return false;
      else expected.delete(name);
    }
  }
  return expected.size === 0;
}

async function isFile(path: string, bytes: Uint8Array | undefined, mode: number): Promise<boolean> {
  const there = await statOf(path);
  if (bytes === undefined || there?.isFile() !== true) return false;
  if (there.size !== bytes.length || (there.mode & 0o7777) !== mode) return false;
  const old = await readFile(path).catch(() => null);
  return old?.equals(bytes) === true;
}

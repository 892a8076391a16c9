import type { Stats } from "node:fs";
import { mkdir, readFile } from "node:fs/promises";
import { dirname } from "node:path";
import { newNameFor, remove, replace, statOf, writeNew } from "./disk.js";
import { cannot, OutputError } from "./output-error.js";
import { DEFAULT_DIRECTORY_MODE, DEFAULT_MODE, type OutputRule } from "./output-rule.js";
import type { Staged, Target } from "./target.js";

/**
 * A file. What replaces it has its owner, and its permissions unless the rule has others. A symbolic link, a directory or a device is
 * refused: a rename would replace the link, not the file that it points to.
 */
export function fileTarget({ path, mode }: Pick<OutputRule, "path" | "mode">, bytes: Uint8Array): Target {
  return {
    path,
    async stage() {
      const there = await statOf(path);
      if (there !== null && !there.isFile()) throw notAFile(path, there);
      if (there !== null && (await isSame(path, there, bytes, mode))) return null;
      if (there === null) await makeParent(path);
      const temporary = newNameFor(path);
      const owner = there === null ? null : { uid: there.uid, gid: there.gid };
      const kept = there === null ? DEFAULT_MODE : there.mode & 0o7777;
      await writeNew(temporary, bytes, { mode: mode ?? kept, owner });
      return staged(temporary, path);
    },
  };
}

/** Makes the directory of a path where there is none. */
export async function makeParent(path: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: DEFAULT_DIRECTORY_MODE }).catch((thrown: unknown) => {
    throw cannot("make", dirname(path), thrown);
  });
}

function staged(temporary: string, path: string): Staged {
  return { path: temporary, commit: () => replace(temporary, path), discard: () => remove(temporary) };
}

function notAFile(path: string, there: Stats): OutputError {
  const what = there.isSymbolicLink()
    ? "is a symbolic link: name the file that it points to"
    : there.isDirectory()
      ? "is a directory: name a file"
      : "is no regular file";
  return new OutputError(`${path} ${what}`, true);
}

async function isSame(path: string, there: Stats, bytes: Uint8Array, mode: number | null): Promise<boolean> {
  if (there.size !== bytes.length || (mode !== null && (there.mode & 0o7777) !== mode)) return false;
  const old = await readFile(path).catch((thrown: unknown) => {
    throw cannot("read", path, thrown);
  });
  return old.equals(bytes);
}

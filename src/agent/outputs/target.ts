import { readlink } from "node:fs/promises";
import { dirname } from "node:path";
import { syncDirectory } from "../../sdk/runtime/node/node-files.js";
import { keepBackup, remove, replace, replaceLink, statOf } from "./disk.js";
import { cannot } from "./output-error.js";

/** The file or link at a path before it was replaced; JSON. */
export type Before =
  | { readonly was: "absent" }
  /** A file, which is kept under another name. */
  | { readonly was: "file"; readonly backup: string }
  /** A symbolic link and where it pointed. */
  | { readonly was: "link"; readonly to: string };

/** New content beside a path, through to the disk. */
export interface Staged {
  /** Where it can be read until it is put in place. */
  readonly path: string;
  /** Puts it in place, in one step. */
  commit(): Promise<void>;
  /** Removes it, where it was not put in place. */
  discard(): Promise<void>;
}

/** A path that is replaced in one step. Every method throws OutputError. */
export interface Target {
  readonly path: string;
  /** Writes new content beside the path. Null: what is there is the same. */
  stage(): Promise<Staged | null>;
}

/** Keeps what is at a path. */
export async function keepBefore(path: string): Promise<Before> {
  const stats = await statOf(path);
  if (stats === null) return { was: "absent" };
  if (!stats.isSymbolicLink()) return { was: "file", backup: await keepBackup(path, stats) };
  return { was: "link", to: await linkAt(path) };
}

/** Puts back what was at a path. Can be repeated: a backup that is gone was put back already. */
export async function restore(path: string, before: Before): Promise<void> {
  if (before.was === "link") return await replaceLink(path, before.to);
  if (before.was === "file") {
    if ((await statOf(before.backup)) !== null) await replace(before.backup, path);
    return;
  }
  await remove(path);
  await syncDirectory(dirname(path));
}

/** Gives up what was kept. */
export async function forget(before: Before): Promise<void> {
  if (before.was === "file") await remove(before.backup);
}

/** Where a symbolic link points. */
export async function linkAt(path: string): Promise<string> {
  return await readlink(path).catch((thrown: unknown) => {
    throw cannot("read", path, thrown);
  });
}

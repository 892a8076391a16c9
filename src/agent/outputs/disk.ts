import { randomUUID } from "node:crypto";
import type { Stats } from "node:fs";
import { copyFile, link, lstat, open, readdir, rename, rm, symlink, type FileHandle } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { syncDirectory } from "../../sdk/runtime/node/node-files.js";
import { cannot, codeOf } from "./output-error.js";

/** Attributes of a file that is written. */
export interface Attributes {
  readonly mode: number;
  /** Null: as this process makes files. */
  readonly owner: { readonly uid: number; readonly gid: number } | null;
}

/** Of a path itself, not of what it points to; null when there is none. */
export async function statOf(path: string): Promise<Stats | null> {
  return await lstat(path).catch((thrown: unknown) => {
    const code = codeOf(thrown);
    if (code === "ENOENT" || code === "ENOTDIR") return null;
    throw cannot("look at", path, thrown);
  });
}

/** Writes a file that must not exist, through to the disk. Nothing is left of one that cannot be written whole. */
export async function writeNew(path: string, bytes: Uint8Array, { mode, owner }: Attributes): Promise<void> {
  let isOurs = false;
  try {
    await using handle = await open(path, "wx", 0o600);
    isOurs = true;
    await handle.writeFile(bytes);
    if (owner !== null) await keepOwner(handle, owner);
    // After the owner: a change of owner takes the set-user-id bit away. Not by open, whose mode the umask cuts.
    await handle.chmod(mode);
    await handle.sync();
  } catch (thrown) {
    if (isOurs) await rm(path, { force: true }).catch(() => undefined);
    throw cannot("write", path, thrown);
  }
}

async function keepOwner(handle: FileHandle, { uid, gid }: NonNullable<Attributes["owner"]>): Promise<void> {
  const own = await handle.stat();
  if (own.uid !== uid || own.gid !== gid) await handle.chown(uid, gid);
}

/** Puts a file or a link in the place of another, in one step; the name survives a power failure. */
export async function replace(from: string, to: string): Promise<void> {
  await rename(from, to).catch((thrown: unknown) => {
    throw cannot("replace", to, thrown);
  });
  await syncDirectory(dirname(to));
}

/** A name beside a path for what will replace it. It ends as the path does, so that programs know the kind of file. */
export function newNameFor(path: string): string {
  return join(dirname(path), `${NEW}${randomUUID()}-${basename(path)}`);
}

/** The name beside a file under which it is kept until what replaced it proves good. */
export function oldNameFor(path: string): string {
  return join(dirname(path), `${OLD}${basename(path)}`);
}

const NEW = ".signet-new-";
const OLD = ".signet-old-";
const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}-/;

/** Removes what a process that ended left beside a path: what would have replaced it, and its backup unless that is needed still. */
export async function removeLeftovers(path: string, keepsBackup: boolean): Promise<void> {
  const directory = dirname(path);
  const names = await readdir(directory).catch((thrown: unknown) => {
    const code = codeOf(thrown);
    if (code === "ENOENT" || code === "ENOTDIR") return [];
    throw cannot("read", directory, thrown);
  });
  for (const name of names) {
    const rest = name.startsWith(NEW) ? name.slice(NEW.length) : "";
    const isNew = UUID.test(rest) && rest.replace(UUID, "") === basename(path);
    if (!isNew && (keepsBackup || name !== `${OLD}${basename(path)}`)) continue;
    await remove(join(directory, name));
  }
}

/** Removes a file or a link; nothing where there is none. */
export async function remove(path: string): Promise<void> {
  await rm(path, { force: true }).catch((thrown: unknown) => {
    throw cannot("remove", path, thrown);
  });
}

/** Removes a directory with all in it, or a file; follows no link. */
export async function removeTree(path: string): Promise<void> {
  await rm(path, { force: true, recursive: true }).catch((thrown: unknown) => {
    throw cannot("remove", path, thrown);
  });
}

/** Keeps a file under a second name, with its owner and permissions: as another link to it, or where the system refuses that as a copy. */
export async function keepBackup(path: string, { mode, uid, gid }: Stats): Promise<string> {
  const backup = oldNameFor(path);
  await remove(backup);
  try {
    await link(path, backup);
  } catch {
    try {
      await copyFile(path, backup);
      await using handle = await open(backup, "r+");
      await keepOwner(handle, { uid, gid });
      await handle.chmod(mode & 0o7777);
      await handle.sync();
    } catch (thrown) {
      throw cannot("keep a copy of", path, thrown);
    }
  }
  await syncDirectory(dirname(path));
  return backup;
}

/** Puts a symbolic link in the place of another, or of nothing, in one step. */
export async function replaceLink(path: string, target: string): Promise<void> {
  const temporary = newNameFor(path);
  try {
    await symlink(target, temporary);
  } catch (thrown) {
    throw cannot("make a symbolic link at", path, thrown);
  }
  try {
    await replace(temporary, path);
  } catch (thrown) {
    await rm(temporary, { force: true }).catch(() => undefined);
    throw thrown;
  }
}

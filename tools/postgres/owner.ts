import { chownSync, readFileSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";

/** The user as which a server runs where this process is root; PostgreSQL and PgBouncer refuse to run as root. */
export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/**
 * `nobody` where this process is root; null where it is not, and a server runs as the same user. `initdb` wants a user with a
 * name, so that a number alone does not do.
 *
 * @throws Error where root finds no user `nobody` in /etc/passwd.
 */
export function serverOwner(): Owner | null {
  if (process.getuid?.() !== 0) return null;
  const line = /^nobody:[^:]*:(\d+):(\d+):/m.exec(readFileSync("/etc/passwd", "utf8"));
  if (line === null)
    throw new Error("PostgreSQL does not run as root, and /etc/passwd has no user nobody to run it as");
  return { uid: Number(line[1]), gid: Number(line[2]) };
}

/** Gives a file or directory to the owner, where there is one. */
export function giveTo(owner: Owner | null, path: string): void {
  if (owner !== null) chownSync(path, owner.uid, owner.gid);
}

/** Whether the owner may enter each directory on the way to the path, by the modes of others and of the owner itself. */
export function reachableBy(owner: Owner | null, path: string): boolean {
  if (owner === null) return true;
  for (let directory = resolve(path); ; directory = dirname(directory)) {
    const { mode, uid, gid } = statSync(directory);
    const bit = uid === owner.uid ? 0o100 : gid === owner.gid ? 0o010 : 0o001;
    if ((mode & bit) === 0) return false;
    if (directory === dirname(directory)) return true;
  }
}

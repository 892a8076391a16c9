import { lstatSync, readdirSync, statSync, type Stats } from "node:fs";
import { join } from "node:path";
import { AppError } from "../../core/error.js";

/** The files of Signet in a data directory, by name. */
const OWN_FILE = /^(?:signet\..*|.*-signing-key(?:\.next)?\.pem|current-keys\.json|admin-token(?:\.next)?)$/;
/** Of these, the files that no other account may read either. */
const SECRET_FILE = /^(?:.*-signing-key(?:\.next)?\.pem|admin-token(?:\.next)?)$/;

/** Permission bits of others: to write, and to read or write. */
const WRITABLE = 0o022;
const ACCESSIBLE = 0o077;

/** The account that the process runs as. */
interface Account {
  readonly uid: number;
  readonly groups: readonly number[];
}

/**
 * Refuses a data directory that another account could have prepared or can change: the directory and Signet's files in it must belong
 * to the account of this process or to root, no other account may write to them or read the secret ones, and no file may be a link.
 *
 * One exception: a volume of Kubernetes with `fsGroup` belongs to root and to a group that the process is in, which may write; there
 * that group counts as the process. Checks nothing where accounts have no numbers (Windows).
 *
 * Throws AppError `unavailable` that says what to do.
 */
export function requireSafeDataDirectory(directory: string): void {
  const account = currentAccount();
  if (account === null) return;
  // The directory itself may be named by a link: the operator chose it.
  const stats = statSync(directory);
  if (!stats.isDirectory()) throw refusal(`${directory} is not a directory`, "name another one with --data");
  const ownGroup = isGroupVolume(stats, account) ? stats.gid : null;
  check(directory, stats, WRITABLE, account, ownGroup);
  for (const name of readdirSync(directory).filter((it) => OWN_FILE.test(it))) {
    const path = join(directory, name);
    const stats = lstatSync(path, { throwIfNoEntry: false });
    if (stats === undefined) continue;
    if (!stats.isFile()) {
      const what = stats.isSymbolicLink() ? "a link" : "not a regular file";
      throw refusal(`${path} is ${what}`, "replace it with a regular file, or remove it");
    }
    check(path, stats, SECRET_FILE.test(name) ? ACCESSIBLE : WRITABLE, account, ownGroup);
  }
}

function check(path: string, stats: Stats, forbidden: number, account: Account, ownGroup: number | null): void {
  if (stats.uid !== account.uid && stats.uid !== 0) {
    const fix = `run Signet as that user, or give everything in the data directory to this one: chown -R ${account.uid}`;
    throw refusal(`${path} belongs to user ${stats.uid}, and this process runs as user ${account.uid}`, fix);
  }
  const counted = stats.gid === ownGroup ? forbidden & 0o007 : forbidden;
  const open = stats.mode & counted;
  if (open === 0) return;
  const mode = (stats.mode & 0o777).toString(8).padStart(4, "0");
  const can = (open & 0o022) === 0 ? "be read" : "be changed";
  const fix = stats.isDirectory() ? `chmod 700 ${path}, or name a directory inside of it` : `chmod 600 ${path}`;
  throw refusal(`${path} can ${can} by others (mode ${mode})`, fix);
}

/** How Kubernetes hands a volume to a process that is not root. */
function isGroupVolume({ uid, gid }: Stats, account: Account): boolean {
  return uid === 0 && account.uid !== 0 && gid !== 0 && account.groups.includes(gid);
}

function currentAccount(): Account | null {
  const { geteuid, getegid, getgroups } = process;
  if (geteuid === undefined || getegid === undefined || getgroups === undefined) return null;
  return { uid: geteuid(), groups: [getegid(), ...getgroups()] };
}

function refusal(what: string, fix: string): AppError {
  return new AppError("unavailable", `the data directory is not safe to use: ${what}; ${fix}`);
}

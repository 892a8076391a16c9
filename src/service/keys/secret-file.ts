import {
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname } from "node:path";
import { flush } from "../../store/sqlite/flush.js";

/** Writes a file with mode 0600, atomically and durably. */
export function writeSecretFile(path: string, text: string): void {
  const unfinished = `${path}.${process.pid}.new`;
  // A file left by a crash may have other permissions, or be a link.
  rmSync(unfinished, { force: true });
  try {
    writeDurably(openSync(unfinished, "wx", 0o600), text);
    renameSync(unfinished, path);
  } catch (thrown) {
    rmSync(unfinished, { force: true });
    throw thrown;
  }
  // The new name is part of the directory, which must survive a power failure too.
  flush(dirname(path));
}

/** Reads a regular file without following links; null if it does not exist. Throws for a link, a pipe or anything else. */
export function readSecretFile(path: string): string | null {
  let file: number;
  try {
    file = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw thrown;
  }
  try {
    if (!fstatSync(file).isFile()) throw new Error(`${path} is not a regular file`);
    return readFileSync(file, "utf8");
  } finally {
    closeSync(file);
  }
}

function writeDurably(file: number, text: string): void {
  try {
    // Not writeSync: on a disk that becomes full it may write only the beginning.
    writeFileSync(file, text);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

import {
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from "node:fs";
import { dirname } from "node:path";

/** Writes a file that only its owner reads (0600), whole or not at all, and durable when this returns. */
export function writeSecretFile(path: string, text: string): void {
  const unfinished = `${path}.${process.pid}.new`;
  // A leftover of a crash may have other rights, or be a link to somewhere else.
  rmSync(unfinished, { force: true });
  try {
    writeDurably(openSync(unfinished, "wx", 0o600), text);
    renameSync(unfinished, path);
  } catch (thrown) {
    rmSync(unfinished, { force: true });
    throw thrown;
  }
  // The name is the directory's, and lost with it in a power cut.
  writeDurably(openSync(dirname(path), "r"), "");
}

/** Reads a plain file that nobody can have replaced by a link or a pipe; null when there is none. Throws for anything else. */
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
    if (text !== "") writeSync(file, text);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

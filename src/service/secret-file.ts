import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from "node:fs";
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

function writeDurably(file: number, text: string): void {
  try {
    if (text !== "") writeSync(file, text);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

import { closeSync, fsyncSync, openSync } from "node:fs";

/** Makes the content of a file, or the names in a directory, survive a power cut. Throws the system's error. */
export function flush(path: string): void {
  const file = openSync(path, "r");
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

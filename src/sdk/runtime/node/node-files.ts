import { randomUUID } from "node:crypto";
import { open, readFile, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";

/** Replaces a file, for its owner alone. Readers see the old bytes or the new ones, also after a crash or a power failure. */
export async function replaceFile(file: string, bytes: Uint8Array): Promise<void> {
  const temporary = `${file}.${randomUUID()}.tmp`;
  try {
    {
      await using handle = await open(temporary, "wx", 0o600);
      await handle.writeFile(bytes);
      await handle.sync();
    }
    await rename(temporary, file);
  } catch (thrown) {
    await rm(temporary, { force: true });
    throw thrown;
  }
  try {
    await using handle = await open(join(file, ".."), "r");
    await handle.sync();
  } catch {
    // Not every system can: the file is replaced all the same.
  }
}

/** Null for a file that is not there. Throws for one that is too large. */
export async function readAtMost(file: string, maxBytes: number): Promise<Uint8Array | null> {
  const found = await statOf(file);
  if (found === null) return null;
  // A pipe or a device would be read for ever.
  if (!found.isFile()) throw new TypeError(`${file} is no regular file`);
  if (found.size > maxBytes) throw new RangeError(`${file} has more than ${maxBytes} bytes`);
  return await readFile(file);
}

/** The bytes of a file; null for one that is not there. */
export async function sizeOf(file: string): Promise<number | null> {
  return (await statOf(file))?.size ?? null;
}

/** Null for a file that is not there. */
export async function statOf(file: string) {
  return await stat(file).catch((thrown: unknown) => {
    if ((thrown as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw thrown;
  });
}

import { randomUUID } from "node:crypto";
import { open, readFile, rename, rm, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { getSystemErrorMap } from "node:util";

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
  await syncDirectory(dirname(file));
}

/** Makes the names in a directory survive a power failure, where the system can open a directory. */
export async function syncDirectory(directory: string): Promise<void> {
  try {
    await using handle = await open(directory, "r");
    await handle.sync();
  } catch {
    // The names are there; without this their durability is up to the system.
  }
}

/** The system's description of an error, without the path that Node's message repeats. */
export function systemReason(thrown: unknown): string {
  if (!(thrown instanceof Error)) return String(thrown);
  const [, words] = ("errno" in thrown && getSystemErrorMap().get(Number(thrown.errno))) || [];
  return words ?? thrown.message;
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

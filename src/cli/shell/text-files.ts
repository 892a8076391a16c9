import { randomUUID } from "node:crypto";
import { open, readFile, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { syncDirectory, systemReason } from "../../sdk/runtime/node/node-files.js";
import { InputError } from "./cli-error.js";
import type { Io } from "./io.js";

/** Reads a file, or standard input for `-`, as UTF-8, and removes a byte order mark. Throws InputError. */
export async function readTextFile(file: string, io: Io): Promise<string> {
  const bytes = await (file === "-" ? readAll(io.stdin) : readFile(file)).catch((cause: unknown) => {
    throw new InputError(`cannot read ${nameOf(file)}: ${systemReason(cause)}`, { cause });
  });
  return decodeText(bytes, file);
}

/** The text of a file, without a byte order mark. Throws InputError. */
export function decodeText(bytes: Uint8Array, file: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new InputError(`${nameOf(file)} is not valid UTF-8`, { cause });
  }
}

/** The name of a file in messages. */
export function nameOf(file: string): string {
  return file === "-" ? "standard input" : file;
}

/**
 * Replaces a file atomically: a reader sees the old text or the new one, also after a crash. Throws InputError when it cannot be written.
 *
 * @param mode permissions of the file, before the umask
 */
export async function writeFileAtomically(file: string, text: string, mode = 0o666): Promise<void> {
  await streamFileAtomically(file, (write) => write(Buffer.from(text)), mode);
}

/**
 * As writeFileAtomically, for content that is written piece by piece: `work` is given what writes the next bytes. Nothing is left of a
 * file whose work fails.
 */
export async function streamFileAtomically<T>(
  file: string,
  work: (write: (bytes: Uint8Array) => Promise<void>) => Promise<T>,
  mode = 0o666,
): Promise<T> {
  const temporary = `${file}.${randomUUID()}.tmp`;
  let result: T;
  const unwritable = (cause: unknown): never => {
    throw new InputError(`cannot write ${file}: ${systemReason(cause)}`, { cause });
  };
  try {
    await using handle = await open(temporary, "wx", mode).catch(unwritable);
    result = await work((bytes) => handle.writeFile(bytes).catch(unwritable));
    await handle.sync().catch(unwritable);
    await rename(temporary, file).catch(unwritable);
  } catch (thrown) {
    await rm(temporary, { force: true });
    throw thrown;
  }
  await syncDirectory(dirname(file));
  return result;
}

/**
 * Writes a file that must not exist yet: a key is never overwritten. Nothing is left of one that cannot be written whole.
 *
 * @param mode permissions of the file, before the umask
 * @throws InputError when it exists, or cannot be written
 */
export async function writeNewFile(file: string, text: string, mode = 0o666): Promise<void> {
  let isOurs = false;
  try {
    await using handle = await open(file, "wx", mode);
    isOurs = true;
    await handle.writeFile(text);
    await handle.sync();
  } catch (cause) {
    if (isOurs) await rm(file, { force: true });
    const exists = (cause as NodeJS.ErrnoException).code === "EEXIST";
    const why = exists
      ? `${file} exists already and is not overwritten`
      : `cannot write ${file}: ${systemReason(cause)}`;
    throw new InputError(why, { cause });
  }
  await syncDirectory(dirname(file));
}

/** All bytes of a stream. */
export async function readAll(stream: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}

import { createHash } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

/** Writes `SHA256SUMS` beside files of a directory, in the form that `sha256sum --check` reads. */
export async function writeChecksums(directory: string, names: readonly string[]): Promise<void> {
  const lines = names.map(async (name) => {
    const digest = createHash("sha256").update(await readFile(join(directory, name)));
    return `${digest.digest("hex")}  ${name}\n`;
  });
  await writeFile(join(directory, "SHA256SUMS"), (await Promise.all(lines)).join(""));
}

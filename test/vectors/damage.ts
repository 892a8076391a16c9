import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/**
 * Flips a bit of a content in every file of a folder that has it, as bytes or in base64.
 *
 * @returns how many places were changed
 */
export function damageContent(folder: string, content: Uint8Array): number {
  const bytes = Buffer.from(content);
  const forms = [
    bytes,
    Buffer.from(bytes.toString("base64")),
    Buffer.from(JSON.stringify(bytes.toString()).slice(1, -1)),
  ];
  let places = 0;
  for (const name of readdirSync(folder, { recursive: true, encoding: "utf8" })) {
    const path = join(folder, name);
    const file = readIfFile(path);
    const form = forms.find((it) => file?.includes(it) === true);
    if (file === null || form === undefined) continue;
    // A digit or a letter, which stays one: the file keeps its form.
    const at = file.indexOf(form) + 20;
    file[at] = (file[at] ?? 0) ^ 1;
    writeFileSync(path, file);
    places++;
  }
  return places;
}

function readIfFile(path: string): Buffer | null {
  try {
    return readFileSync(path);
  } catch {
    return null;
  }
}

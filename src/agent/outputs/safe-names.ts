import { printable } from "../../core/printable.js";
import type { OpaFile } from "../../bundle/opa/opa-file.js";
import { OutputError } from "./output-error.js";

const MAX_NAME_BYTES = 1024;
const MAX_PART_BYTES = 255;

/**
 * Refuses a set one of whose files would be outside of its directory, or in the place of another: an absolute name, `.`, `..` or an empty
 * part, a backslash, a control character, a part that is too long, a name that is there twice or is also a directory's.
 *
 * @throws OutputError that trying again does not mend
 */
export function requireSafeNames(files: readonly Pick<OpaFile, "name">[]): void {
  const names = new Set<string>();
  const directories = new Set<string>();
  for (const { name } of files) {
    const parts = name.split("/");
    const isSafe =
      Buffer.byteLength(name) <= MAX_NAME_BYTES &&
      !/[\p{Cc}\\]/u.test(name) &&
      parts.every((part) => part !== "" && part !== "." && part !== ".." && Buffer.byteLength(part) <= MAX_PART_BYTES);
    if (!isSafe) throw unsafe(name, "is no safe name");
    if (names.has(name)) throw unsafe(name, "is there twice");
    names.add(name);
    for (let depth = 1; depth < parts.length; depth += 1) directories.add(parts.slice(0, depth).join("/"));
  }
  const both = [...directories].find((name) => names.has(name));
  if (both !== undefined) throw unsafe(both, "is a file and a directory");
}

function unsafe(name: string, why: string): OutputError {
  return new OutputError(`the file "${printable(name.slice(0, 200))}" of the set ${why}`, false);
}

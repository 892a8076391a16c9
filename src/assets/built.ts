import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { embeddedAsset, isExecutable } from "./assets.js";

/** A file of a built folder, as the build lists it in `files.json` (tools/built-files.ts). */
interface ListedFile {
  readonly path: string;
  readonly type: string;
  readonly encodings: readonly ("br" | "gzip")[];
}

/** What is appended to the name of a file for a compressed form of it. */
const ENDINGS = { br: ".br", gzip: ".gz" } as const;

const LIST = "files.json";

/** The folders of dist that the server serves; their names stand before their files' inside of the executable. */
export const BUILT_FOLDERS = ["console", "manual"] as const;

/** The name of such a folder. */
export type BuiltFolderName = (typeof BUILT_FOLDERS)[number];

/** A folder as it was built. */
export interface BuiltFolder {
  readonly files: readonly ListedFile[];
  /** Reads a file in one of its encodings; null is as it is. Throws Node's own error when it is missing. */
  read(path: string, encoding: "br" | "gzip" | null): Buffer;
}

/** Opens the console: in the executable, or in dist/console; null where it was not built. */
export function openConsole(): BuiltFolder | null {
  return openBuilt("console");
}

/** Opens a built folder: in the executable, or in dist; null where it was not built. */
export function openBuilt(folder: BuiltFolderName): BuiltFolder | null {
  const read = isExecutable ? (name: string) => embeddedAsset(`${folder}/${name}`) : readerOfBuild(folder);
  if (read === null) return null;
  return {
    files: JSON.parse(read(LIST).toString()) as ListedFile[],
    read: (path, encoding) => read(encoding === null ? path : path + ENDINGS[encoding]),
  };
}

/** The names of all files of a built folder, the list among them, below it. */
export function builtFileNames({ files }: Pick<BuiltFolder, "files">): readonly string[] {
  return [LIST, ...files.flatMap(({ path, encodings }) => [path, ...encodings.map((each) => path + ENDINGS[each])])];
}

/** Compiled, this file is dist/src/assets/built.js; beside the sources there is what was built last, or nothing. */
function readerOfBuild(name: BuiltFolderName): ((name: string) => Buffer) | null {
  const here = dirname(fileURLToPath(import.meta.url));
  const folders = [join(here, "../..", name), join(here, "../../dist", name)];
  const folder = folders.find((each) => existsSync(join(each, LIST)));
  return folder === undefined ? null : (file) => readFileSync(join(folder, file));
}

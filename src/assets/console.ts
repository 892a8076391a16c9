import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { embeddedAsset, isExecutable } from "./assets.js";

/** A file of the console, as the build lists it in `files.json` (tools/build-console.ts). */
interface ListedFile {
  readonly path: string;
  readonly type: string;
  readonly encodings: readonly ("br" | "gzip")[];
}

/** What is appended to the name of a file for a compressed form of it. */
const ENDINGS = { br: ".br", gzip: ".gz" } as const;

const LIST = "files.json";

/** The folder of the built console in dist, and before its files' names inside of the executable. */
export const CONSOLE_FOLDER = "console";

/** The console as it was built. */
export interface BuiltConsole {
  readonly files: readonly ListedFile[];
  /** Reads a file in one of its encodings; null is as it is. Throws Node's own error when it is missing. */
  read(path: string, encoding: "br" | "gzip" | null): Buffer;
}

/** Opens the console: in the executable, or in dist/console; null where it was not built. */
export function openConsole(): BuiltConsole | null {
  const read = isExecutable ? (name: string) => embeddedAsset(`${CONSOLE_FOLDER}/${name}`) : readerOfBuild();
  if (read === null) return null;
  return {
    files: JSON.parse(read(LIST).toString()) as ListedFile[],
    read: (path, encoding) => read(encoding === null ? path : path + ENDINGS[encoding]),
  };
}

/** The names of all files of a built console, the list among them, below its folder. */
export function consoleFileNames({ files }: Pick<BuiltConsole, "files">): readonly string[] {
  return [LIST, ...files.flatMap(({ path, encodings }) => [path, ...encodings.map((each) => path + ENDINGS[each])])];
}

/** Compiled, this file is dist/src/assets/console.js; beside the sources there is what was built last, or nothing. */
function readerOfBuild(): ((name: string) => Buffer) | null {
  const here = dirname(fileURLToPath(import.meta.url));
  const folders = [join(here, "../..", CONSOLE_FOLDER), join(here, "../../dist", CONSOLE_FOLDER)];
  const folder = folders.find((each) => existsSync(join(each, LIST)));
  return folder === undefined ? null : (name) => readFileSync(join(folder, name));
}

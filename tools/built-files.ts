import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { brotliCompress, constants, gzip } from "node:zlib";

/** One file that the server serves, as `files.json` of its folder lists it. */
export interface BuiltFile {
  /** Below the folder, and below the path at which the folder is served. */
  readonly path: string;
  readonly type: string;
  /** The compressed forms beside it, which are smaller than itself. */
  readonly encodings: readonly ("br" | "gzip")[];
}

const compressed = {
  br: [promisify(brotliCompress), ".br", { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } }],
  gzip: [promisify(gzip), ".gz", { level: 9 }],
} as const;

/** Writes a file into a folder, with its compressed forms beside it. */
export async function writeBuilt(folder: string, path: string, contents: Uint8Array, type: string): Promise<BuiltFile> {
  const file = join(folder, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, contents);
  const encodings: ("br" | "gzip")[] = [];
  for (const encoding of ["br", "gzip"] as const) {
    const [compress, ending, options] = compressed[encoding];
    const smaller = await compress(contents, options);
    if (smaller.byteLength >= contents.byteLength) continue;
    writeFileSync(file + ending, smaller);
    encodings.push(encoding);
  }
  return { path, type, encodings };
}

import { lstat, open, readdir } from "node:fs/promises";
import { join } from "node:path";
import { MAX_OPA_BYTES, MAX_OPA_FILES } from "../../bundle/opa/opa-policies.js";
import { InputError } from "../shell/cli-error.js";
import { systemReason } from "../../sdk/runtime/node/node-files.js";
import { roleOf, shownPath, type FileChoice, type FoundFile, type FoundFiles } from "./found-files.js";

/** Names in a folder, of whatever kind: a folder of another purpose is not read through. */
const MAX_NAMES = 10 * MAX_OPA_FILES;

/**
 * The files of a folder and of those in it, in the order of their paths. Symbolic links are not followed.
 *
 * @throws InputError with the path of a link, a device, a file that OPA would not read, or one that cannot be read; and for more than
 *   10,000 files or 16 MiB
 */
export async function readOpaFolder(folder: string, choice: FileChoice): Promise<FoundFiles> {
  const reading = new FolderReading(folder, choice);
  await reading.enter("");
  return reading.found();
}

class FolderReading {
  readonly #files: FoundFile[] = [];
  readonly #leftOut: string[] = [];
  #manifest: string | null = null;
  #names = 0;
  #bytes = 0;

  constructor(
    private readonly folder: string,
    private readonly choice: FileChoice,
  ) {}

  found(): FoundFiles {
    return { files: this.#files, manifest: this.#manifest, leftOut: this.#leftOut };
  }

  async enter(inside: string): Promise<void> {
    const names = await readdir(join(this.folder, inside)).catch((cause: unknown) => this.#unreadable(inside, cause));
    this.#names += names.length;
    if (this.#names > MAX_NAMES) throw new InputError(`${this.folder} has more than ${MAX_NAMES} files`);
    for (const name of names.sort()) await this.#take(inside === "" ? name : `${inside}/${name}`);
  }

  async #take(path: string): Promise<void> {
    const isHidden = path.split("/").at(-1)?.startsWith(".") === true;
    if (isHidden && path !== ".manifest") return;
    const stats = await lstat(join(this.folder, path)).catch((cause: unknown) => this.#unreadable(path, cause));
    if (stats.isDirectory()) return await this.enter(path);
    const role = roleOf(path, this.choice);
    if (role === "skip") return;
    if (role === "left_out") return void this.#leftOut.push(path);
    if (stats.isSymbolicLink()) throw this.#refusal(path, "is a symbolic link: put the file itself there");
    if (!stats.isFile()) throw this.#refusal(path, "is no regular file");
    if (typeof role === "object") throw this.#refusal(path, role.problem);
    const bytes = await this.#read(path);
    if (role === "manifest") this.#manifest = bytes.toString("utf8");
    else this.#files.push({ path, bytes });
    if (this.#files.length > MAX_OPA_FILES)
      throw new InputError(`${this.folder} has more than ${MAX_OPA_FILES} files of policies`);
  }

  /** At most as many bytes as all files may have: the size that a file says of itself is not trusted. */
  async #read(path: string): Promise<Buffer> {
    const left = MAX_OPA_BYTES - this.#bytes;
    await using file = await open(join(this.folder, path)).catch((cause: unknown) => this.#unreadable(path, cause));
    const chunks: Buffer[] = [];
    let length = 0;
    for (;;) {
      const { bytesRead, buffer } = await file
        .read(Buffer.alloc(Math.min(left - length + 1, 256 * 1024)))
        .catch((cause: unknown) => this.#unreadable(path, cause));
      length += bytesRead;
      if (length > left) throw this.#refusal(path, `is too much: all files have at most ${MAX_OPA_BYTES} bytes`);
      if (bytesRead === 0) break;
      chunks.push(buffer.subarray(0, bytesRead));
    }
    this.#bytes += length;
    return Buffer.concat(chunks);
  }

  #refusal(path: string, problem: string): InputError {
    return new InputError(`${shownPath(this.folder, path)} ${problem}`);
  }

  #unreadable(path: string, cause: unknown): never {
    throw new InputError(`cannot read ${shownPath(this.folder, path)}: ${systemReason(cause)}`, { cause });
  }
}

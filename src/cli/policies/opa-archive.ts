import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import { MAX_OPA_BYTES, MAX_OPA_FILES } from "../../bundle/opa/opa-policies.js";
import { printable } from "../../core/printable.js";
import { ArchiveError, isArchive, readArchive } from "../../tar/read-archive.js";
import { InputError } from "../shell/cli-error.js";
import { systemReason } from "../../sdk/runtime/node/node-files.js";
import { roleOf, shownPath, type FileChoice, type FoundFile, type FoundFiles } from "./found-files.js";

/** Headers and padding of as many files as there may be, twice over: tools write extended headers. */
const MAX_TAR_BYTES = MAX_OPA_BYTES + 4 * 1024 * MAX_OPA_FILES;

const unzip = promisify(gunzip);

/** Whether bytes are a tar archive, compressed by gzip or not. */
export function isOpaArchive(bytes: Buffer): boolean {
  return isGzip(bytes) || isArchive(bytes);
}

/**
 * The files of an archive as `opa build` makes it: tar, by itself or in gzip, with or without a slash before its names.
 *
 * @param source its name in errors
 * @throws InputError for an archive that is damaged, with the path of what cannot be published
 */
export async function readOpaArchive(bytes: Buffer, source: string, choice: FileChoice): Promise<FoundFiles> {
  const tar = isGzip(bytes) ? await unzipped(bytes, source) : bytes;
  const files: FoundFile[] = [];
  const leftOut: string[] = [];
  let manifest: string | null = null;
  for (const { path, bytes: content } of filesIn(tar, source)) {
    const role = roleOf(path, choice);
    if (typeof role === "object") throw new InputError(`${shownPath(source, path)} ${role.problem}`);
    if (role === "manifest") manifest = content.toString("utf8");
    if (role === "file") files.push({ path, bytes: content });
    if (role === "left_out") leftOut.push(path);
  }
  return { files: files.sort((a, b) => (a.path < b.path ? -1 : 1)), manifest, leftOut };
}

function isGzip(bytes: Buffer): boolean {
  return bytes[0] === 0x1f && bytes[1] === 0x8b;
}

/** Stops where there is more than an archive of policies can have, however well it was compressed. */
async function unzipped(bytes: Buffer, source: string): Promise<Buffer> {
  try {
    return await unzip(bytes, { maxOutputLength: MAX_TAR_BYTES });
  } catch (cause) {
    const isTooLong = cause instanceof Error && "code" in cause && cause.code === "ERR_BUFFER_TOO_LARGE";
    const why = isTooLong ? `it unpacks to more than ${MAX_TAR_BYTES} bytes` : systemReason(cause);
    throw new InputError(`${source} is no archive of policies: ${why}`, { cause });
  }
}

function filesIn(tar: Buffer, source: string) {
  try {
    return readArchive(tar, { maxFiles: MAX_OPA_FILES });
  } catch (cause) {
    if (!(cause instanceof ArchiveError)) throw cause;
    throw new InputError(printable(`${source} is no archive of policies: ${cause.message}`), { cause });
  }
}

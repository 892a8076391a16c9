import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { formatTarHeader, TAR_END_BYTES, tarPadding } from "../../src/tar/tar-header.js";

/**
 * The folder `proto` as a gzipped tar file, with the licence beside it, all below one folder. The same files give the same bytes: in the
 * order of their names, of no user, at no time.
 *
 * @param root of the checkout
 * @param folder what the files are below, such as `signet-proto-0.1.0`
 */
export async function protoArchive(root: string, folder: string): Promise<Buffer> {
  const below = await readdir(join(root, "proto"), { recursive: true, withFileTypes: true });
  const names = below
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name).slice(join(root, "proto/").length));
  const sources = new Map(names.map((name) => [name, join(root, "proto", name)]));
  sources.set("LICENSE", join(root, "LICENSE"));
  const parts: Buffer[] = [];
  for (const name of [...sources.keys()].toSorted()) {
    const content = await readFile(sources.get(name) ?? "");
    const member = { name: `${folder}/${name}`, bytes: content.length, modified: 0, mode: 0o644 };
    parts.push(formatTarHeader(member), content, Buffer.alloc(tarPadding(content.length)));
  }
  return gzipSync(Buffer.concat([...parts, Buffer.alloc(TAR_END_BYTES)]), { level: 9 });
}

import { createHash } from "node:crypto";
import { open, readFile, writeFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { VerificationError } from "../../../src/bundle/verification-error.js";
import { openExportFile } from "../../../src/cli/transfer/export-file.js";
import { formatIndex, formatManifest, type Layer } from "../../../src/cli/transfer/oci-layout.js";
import { TarWriter } from "../../../src/cli/transfer/tar-writer.js";
import { CheckFailedError } from "../../../src/cli/shell/cli-error.js";
import { useTwoSites } from "./two-sites.js";

/** Each byte takes a millisecond: all are flipped when this is 1. */
const STRIDE = Number(process.env["SIGNET_TEST_FLIP_STRIDE"] ?? 13);

/** Whether a file is refused as a whole. */
async function isRefused(path: string): Promise<boolean> {
  try {
    await using _ = await openExportFile(path);
    return false;
  } catch (thrown) {
    if (thrown instanceof CheckFailedError || thrown instanceof VerificationError) return true;
    throw thrown;
  }
}

/** The entries of a tar file that Signet wrote. */
function entriesOf(tar: Buffer): [name: string, content: Buffer][] {
  const entries: [string, Buffer][] = [];
  for (let at = 0; tar[at] !== 0;) {
    const name = tar.toString("latin1", at, at + 100).replace(/\0.*/, "");
    const size = parseInt(tar.toString("latin1", at + 124, at + 135), 8);
    entries.push([name, tar.subarray(at + 512, at + 512 + size)]);
    at += 512 + Math.ceil(size / 512) * 512;
  }
  return entries;
}

async function tarOf(entries: readonly (readonly [string, Buffer])[]): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  const tar = new TarWriter(async (bytes) => void pieces.push(Buffer.from(bytes)));
  for (const [name, content] of entries) await tar.add(name, content);
  await tar.end();
  return Buffer.concat(pieces);
}

const sha256 = (bytes: Buffer) => createHash("sha256").update(bytes).digest("hex");

interface Manifest {
  readonly layers: readonly { mediaType: string; digest: string; size: number }[];
}

describe("an exported file", () => {
  const sites = useTwoSites();

  async function exported(name: string, ...options: readonly string[]): Promise<Buffer> {
    const { activeVersion } = await sites.there.admin.organizations.getEnvironment({
      ...{ orgId: sites.there.orgId, projectId: sites.there.projectId, envName: "prod" },
    });
    for (let n = activeVersion ?? 0; n < 3; n += 1) await sites.publish({ n });
    return await sites.export(name, ...options);
  }

  /** A file with other layers, every digest of the layout made anew: as an attacker would, who has no key. */
  async function rebuilt(
    tar: Buffer,
    change: (layers: (Layer & { content: Buffer })[]) => readonly (Layer & { content: Buffer })[],
  ) {
    const entries = entriesOf(tar);
    const blobs = new Map(entries);
    const index = JSON.parse(blobs.get("index.json")!.toString()) as { manifests: [{ digest: string }] };
    const nameOf = (digest: string) => `blobs/sha256/${digest.slice(7)}`;
    const manifest = JSON.parse(blobs.get(nameOf(index.manifests[0].digest))!.toString()) as Manifest;
    const layers = manifest.layers.map(({ mediaType, digest, size }) => {
      return { mediaType, sha256: digest.slice(7), size, title: "t", content: blobs.get(nameOf(digest))! };
    });
    const changed = change(layers).map(({ content, ...layer }) => {
      return { ...layer, content, sha256: sha256(content), size: content.length };
    });
    const text = Buffer.from(formatManifest(changed));
    return await tarOf([
      ["oci-layout", blobs.get("oci-layout")!],
      ...entries.filter(([name]) => name.includes("44136fa3")),
      ...changed.map(({ sha256: digest, content }) => [`blobs/sha256/${digest}`, content] as const),
      [`blobs/sha256/${sha256(text)}`, text],
      ["index.json", Buffer.from(formatIndex({ sha256: sha256(text), size: text.length }))],
    ]);
  }

  it("is refused for every flipped byte", async () => {
    const tar = await exported("flipped.tar", "--version", "2");
    const path = sites.file("flipped.tar");
    expect(await isRefused(path)).toBe(false);
    await using file = await open(path, "r+");
    const accepted: number[] = [];
    let flipped = 0;
    for (let at = 0; at < tar.length; at += STRIDE) {
      const byte = tar[at] ?? 0;
      // One bit, another one for each byte.
      await file.write(Buffer.from([byte ^ (1 << (at % 8))]), 0, 1, at);
      if (!(await isRefused(path))) accepted.push(at);
      await file.write(Buffer.from([byte]), 0, 1, at);
      flipped += 1;
    }
    expect({ accepted, flipped: flipped > 500 }).toEqual({ accepted: [], flipped: true });
    expect(await isRefused(path)).toBe(false);
  }, 120_000);

  it("is refused when it is cut, at every block and inside of one", async () => {
    const tar = await exported("whole.tar", "--all");
    const path = sites.file("cut.tar");
    const accepted: number[] = [];
    for (let length = 0; length < tar.length; length += 256) {
      await writeFile(path, tar.subarray(0, length));
      if (!(await isRefused(path))) accepted.push(length);
    }
    expect(accepted).toEqual([]);
  });

  it("is refused with anything behind its end, but for the zeros of tools", async () => {
    const tar = await exported("end.tar");
    const path = sites.file("longer.tar");
    const cases: [Buffer, boolean][] = [
      [Buffer.alloc(8 * 512), false],
      [Buffer.from("x"), true],
      [Buffer.concat([Buffer.alloc(512), Buffer.from("x")]), true],
      [tar, true],
      [Buffer.alloc(2 * 1024 * 1024), true],
    ];
    for (const [more, refused] of cases) {
      await writeFile(path, Buffer.concat([tar, more]));
      expect(await isRefused(path)).toBe(refused);
    }
  });

  it.each([
    ["a path that leaves the folder", "../../etc/passwd"],
    ["an absolute path", "/etc/passwd"],
    ["another folder", "blobs/sha512/00"],
    ["a blob that nothing names", `blobs/sha256/${"0".repeat(64)}`],
    ["an entry twice", "oci-layout"],
  ])("is refused with %s", async (_, name) => {
    const tar = await exported("entry.tar");
    await writeFile(sites.file("more.tar"), await tarOf([...entriesOf(tar), [name, Buffer.from("x")]]));
    expect(await isRefused(sites.file("more.tar"))).toBe(true);
  });

  it("is refused with an entry that is larger than the file, or is a link", async () => {
    const tar = Buffer.from(await exported("lies.tar"));
    const path = sites.file("lie.tar");
    for (const [offset, text] of [
      [124, "77777777777"],
      [156, "2"],
    ] as const) {
      const lie = Buffer.from(tar);
      lie.write(text, offset, "latin1");
      let sum = 0;
      for (const [index, byte] of lie.subarray(0, 512).entries()) sum += index >= 148 && index < 156 ? 32 : byte;
      lie.write(sum.toString(8).padStart(6, "0"), 148, "latin1");
      await writeFile(path, lie);
      expect(await isRefused(path)).toBe(true);
    }
  });

  it("is refused with a version taken out, put in, replaced or in another place, whatever the digests are made of", async () => {
    const tar = await exported("all.tar", "--all");
    const other = await exported("one.tar", "--version", "1");
    const path = sites.file("rebuilt.tar");
    let foreign: readonly (Layer & { content: Buffer })[] = [];
    await rebuilt(other, (layers) => (foreign = layers));
    await writeFile(path, await rebuilt(tar, (layers) => layers));
    expect(await isRefused(path)).toBe(false);
    const isKeys = ({ mediaType }: Layer) => mediaType === "application/x-pem-file";
    const changes: ((layers: (Layer & { content: Buffer })[]) => readonly (Layer & { content: Buffer })[])[] = [
      (layers) => layers.slice(2),
      (layers) => [...layers.slice(0, -3), ...layers.slice(-1)],
      (layers) => [...layers.slice(2, 4), ...layers.slice(0, 2), ...layers.slice(4)],
      (layers) => [...foreign.slice(0, 2), ...layers.slice(2)],
      (layers) => [...layers.slice(0, -1), ...foreign.slice(0, 2), ...layers.slice(-1)],
      (layers) => layers.filter((layer) => !isKeys(layer)),
      (layers) => layers.map((layer) => (isKeys(layer) ? { ...layer, content: Buffer.from("other") } : layer)),
      (layers) => [...layers, { ...layers[0]!, mediaType: "text/plain", content: Buffer.from("x") }],
      (layers) =>
        layers.map((layer, index) =>
          index === 0 ? { ...layer, content: Buffer.from(layer.content.toString().replace('"n":0', '"n":7')) } : layer,
        ),
    ];
    for (const change of changes) {
      await writeFile(path, await rebuilt(tar, change));
      expect(await isRefused(path), String(change)).toBe(true);
    }
  });

  it("is the same bytes again, and a plain tar to others", async () => {
    const tar = await exported("first.tar", "--all");
    expect(await exported("again.tar", "--all")).toEqual(tar);
    const { execFileSync } = await import("node:child_process");
    const listed = execFileSync("tar", ["-tvf", sites.file("first.tar")])
      .toString()
      .trim()
      .split("\n");
    expect(listed[0]).toMatch(/^-rw-r--r-- 0\/0 +30 1970-01-01 \d\d:\d\d oci-layout$/);
    // Layout, configuration, three documents, keys, three provenances, manifest and index.
    expect(listed).toHaveLength(11);
  });

  it("is taken as GNU tar packs it again", async () => {
    await exported("packed.tar", "--all");
    const { execFileSync } = await import("node:child_process");
    const script =
      "mkdir u && tar -C u -xf packed.tar && tar -C u -cf again.tar . && tar -C u --format=pax -cf pax.tar .";
    execFileSync("sh", ["-c", script], { cwd: sites.folder });
    for (const name of ["again.tar", "pax.tar"]) {
      await using file = await openExportFile(sites.file(name));
      expect(file.versions.map(({ claimed }) => claimed.bundle.version)).toEqual([1, 2, 3]);
    }
    expect(await readFile(sites.file("packed.tar"))).not.toEqual(await readFile(sites.file("again.tar")));
  });
});

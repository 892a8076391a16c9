import { execFileSync } from "node:child_process";
import { appendFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { readArchive } from "../../../src/service/backups/archive-reader.js";
import { addSealedKeys, writeArchive } from "../../../src/service/backups/archive-writer.js";
import { createManifest, formatManifest, parseManifest } from "../../../src/service/backups/manifest.js";
import { openSealedKeys, sealKeys } from "../../../src/service/backups/sealed-keys.js";

const KEY = { keyId: "0123456789abcdef", publicKeyPem: "a PEM" };
const MANIFEST = {
  ...{ programVersion: "0.1.0", createdAt: "2026-11-28T12:00:00.000Z", operatorOrganization: "an organization" },
  ...{
    schema: ["0001-initial"],
    counts: { bundles: 2 },
    keys: { bundles: null, audit: KEY, webhooks: KEY, attestation: KEY, opa: KEY },
  },
  auditHeads: [{ orgId: "an organization", number: 3, hash: "sha256:00" }],
};

describe("an archive", () => {
  let scratch = "";
  let file = "";
  const content = Buffer.from(Array.from({ length: 3_000 }, (_, index) => index % 251));

  beforeEach(() => {
    scratch = mkdtempSync(join(tmpdir(), "signet-archive-"));
    file = join(scratch, "backup.tar");
    writeFileSync(join(scratch, "source.db"), content);
  });
  afterEach(() => rmSync(scratch, { recursive: true, force: true }));

  const write = (sealedKeys: string | null = null) =>
    writeArchive(file, { database: join(scratch, "source.db"), sealedKeys, manifest: MANIFEST });
  const read = (database: string | null = null) => readArchive(file, { database });

  it("reads back as it was written", async () => {
    const { bytes } = await write("sealed");
    const target = join(scratch, "out.db");
    const { manifest, sealedKeys } = await read(target);
    expect(readFileSync(target).equals(content)).toBe(true);
    expect(readFileSync(file)).toHaveLength(bytes);
    expect(sealedKeys).toBe("sealed");
    expect(manifest).toMatchObject(MANIFEST);
  });

  it("of an earlier release names no key for attestation, nor for OPA", () => {
    const manifest = createManifest({ ...MANIFEST, members: [] });
    const json = JSON.parse(formatManifest(manifest)) as { keys: Record<string, unknown> };
    delete json.keys.attestation;
    delete json.keys.opa;
    expect(parseManifest(JSON.stringify(json))).toEqual({
      ...manifest,
      keys: { ...MANIFEST.keys, attestation: null, opa: null },
    });
  });

  it("is a tar file with hashes that other programs check", async () => {
    await write("sealed");
    mkdirSync(join(scratch, "out"));
    execFileSync("tar", ["-xf", file, "-C", join(scratch, "out")]);
    const checked = execFileSync("sha256sum", ["--check", "--strict", "SHA256SUMS"], { cwd: join(scratch, "out") });
    expect(checked.toString()).toBe("signet.db: OK\nkeys.enc: OK\nmanifest.json: OK\n");
  });

  it("takes keys later, as if they had been there from the start", async () => {
    await write("sealed");
    const whole = readFileSync(file);
    rmSync(file);
    await write();
    const { manifest, manifestAt } = await read();
    await addSealedKeys(file, manifest, manifestAt, "sealed");
    expect(readFileSync(file).equals(whole)).toBe(true);
  });

  it("is refused with any byte flipped", async () => {
    await write("sealed");
    const whole = readFileSync(file);
    for (let at = 0; at < whole.length; at += at < 600 || at > content.length + 512 ? 13 : 97) {
      const flipped = Buffer.from(whole);
      flipped.writeUInt8(flipped.readUInt8(at) ^ (1 << (at % 8)), at);
      writeFileSync(file, flipped);
      await expect(read(), `byte ${at}`).rejects.toMatchObject({ code: "data_loss" });
    }
  });

  it("is refused cut off anywhere, and with more behind it", async () => {
    await write("sealed");
    const { length } = readFileSync(file);
    appendFileSync(file, "\0");
    await expect(read()).rejects.toMatchObject({
      code: "data_loss",
      message: expect.stringContaining("follow") as string,
    });
    for (let size = length - 1; size >= 0; size -= 211) {
      truncateSync(file, size);
      await expect(read(), `${size} bytes`).rejects.toMatchObject({ code: "data_loss" });
    }
  });

  it("that is none is refused", async () => {
    await expect(read()).rejects.toMatchObject({ code: "not_found" });
    writeFileSync(file, "a diary");
    await expect(read()).rejects.toMatchObject({ code: "data_loss" });
    file = scratch;
    await expect(read()).rejects.toMatchObject({ code: "invalid" });
  });
});

describe("sealed keys", () => {
  const files = { "audit-signing-key.pem": "private", "current-keys.json": "{}" };
  const PASSPHRASE = "correct horse battery";

  it("open with their passphrase, in any normal form, and with no other", async () => {
    const sealed = await sealKeys(files, "pässword of length");
    expect(sealed).not.toContain("private");
    expect(await openSealedKeys(sealed, "pässword of length".normalize("NFD"))).toEqual(files);
    await expect(openSealedKeys(sealed, PASSPHRASE)).rejects.toMatchObject({
      ...{ code: "invalid", message: "the passphrase does not open the keys of this backup" },
    });
  });

  it("need a passphrase of twelve characters", async () => {
    await expect(sealKeys(files, "eleven char")).rejects.toMatchObject({ code: "invalid" });
  });

  it.each([
    ["no JSON", "{"],
    ["null", "null"],
    ["another format", '{"format":"other"}'],
    ["nothing in it", '{"format":"signet-keys","version":1}'],
    [
      "a cost that takes all memory",
      `{"format":"signet-keys","version":1,"kdf":{"name":"scrypt","N":${2 ** 30},"r":8,"p":1}}`,
    ],
  ])("that are %s are refused", async (_, text) => {
    await expect(openSealedKeys(text, PASSPHRASE)).rejects.toMatchObject({ code: "data_loss" });
  });

  it("write no file but those of keys", async () => {
    const sealed = await sealKeys({ "../../etc/passwd": "x" }, PASSPHRASE);
    await expect(openSealedKeys(sealed, PASSPHRASE)).rejects.toMatchObject({ code: "data_loss" });
  });
});

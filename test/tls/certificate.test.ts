import { generateKeyPairSync } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readServerCertificate } from "../../src/tls/certificate.js";
import { selfSigned } from "../outbound/self-signed.js";

const NOW = new Date("2026-06-15T12:00:00Z");
const pair = selfSigned("signet.example");
const other = selfSigned("other.example");
const cutOff = (pem: string) => pem.slice(0, pem.length / 2);
const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey;

describe("a server's certificate", () => {
  let directory = "";
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), "signet-certificate-"));
  });
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  /** Reads three files with these contents; undefined leaves one out. */
  async function read(cert: string | undefined, key: string | undefined, clientCa?: string) {
    const write = (name: string, text: string | undefined) => {
      const path = join(directory, name);
      rmSync(path, { force: true });
      if (text !== undefined) writeFileSync(path, text);
      return path;
    };
    const ca = clientCa === undefined ? null : write("ca.pem", clientCa);
    return await readServerCertificate(
      { cert: write("cert.pem", cert), key: write("key.pem", key), clientCa: ca },
      NOW,
    );
  }

  it("is read with what there is to say of it", async () => {
    const { material, subject, notAfter } = await read(pair.cert, pair.key);
    expect(material).toEqual({ ...pair, clientCa: null });
    expect(subject).toBe("CN=test");
    expect(notAfter.toISOString()).toBe("2049-12-31T23:59:59.000Z");
  });

  it("may come with its chain and the CAs of clients, and with text around them", async () => {
    const chain = `# ours\n${pair.cert}\n# the CA's\n${other.cert}`;
    expect((await read(chain, pair.key, pair.cert + other.cert)).material).toMatchObject({ cert: chain });
  });

  it("has a digest that any change changes", async () => {
    const digests = [
      await read(pair.cert, pair.key),
      await read(other.cert, other.key),
      await read(pair.cert, pair.key, other.cert),
      await read(pair.cert + other.cert, pair.key),
    ].map(({ digest }) => digest);
    expect(new Set(digests).size).toBe(4);
    expect((await read(pair.cert, pair.key)).digest).toBe(digests[0]);
  });

  it.each([
    ["the certificate is missing", undefined, pair.key, /cannot read .*cert\.pem: ENOENT/],
    ["the key is missing", pair.cert, undefined, /cannot read .*key\.pem: ENOENT/],
    ["the certificate is empty", "", pair.key, /cert\.pem contains no certificate/],
    ["the key is empty", pair.cert, "", /key\.pem contains no private key/],
    ["the certificate is half written", cutOff(pair.cert), pair.key, /cert\.pem is truncated/],
    ["the chain is half written", pair.cert + cutOff(other.cert), pair.key, /cert\.pem is truncated/],
    ["the key is half written", pair.cert, cutOff(pair.key), /key\.pem contains no private key/],
    ["the certificate is another's", other.cert, pair.key, /key\.pem does not belong to .*cert\.pem/],
    [
      "the key is of another kind",
      pair.cert,
      rsa.export({ type: "pkcs8", format: "pem" }) as string,
      /does not belong/,
    ],
    ["both are swapped", pair.key, pair.cert, /cert\.pem is truncated, or contains something other/],
    [
      "the certificate is no DER",
      pair.cert.replace(/\n.{40}/, "\n"),
      pair.key,
      /cert\.pem contains a broken certificate/,
    ],
    ["a file is endless", pair.cert, "x".repeat(1024 * 1024 + 1), /key\.pem is larger than 1048576 bytes/],
    [
      "the key has a passphrase",
      pair.cert,
      rsa.export({ type: "pkcs8", format: "pem", cipher: "aes-256-cbc", passphrase: "x" }) as string,
      /key\.pem contains no private key \(PEM without a passphrase\)/,
    ],
  ])("is refused when %s", async (_name, cert, key, message) => {
    await expect(read(cert, key)).rejects.toMatchObject({ code: "invalid", message: expect.stringMatching(message) });
  });

  it.each([
    ["expired", ["260101000000Z", "260614000000Z"], /expired on Jun 14 .* 2026/],
    ["is not valid yet", ["260616000000Z", "270101000000Z"], /is not valid before Jun 16 .* 2026/],
  ] as const)("is refused when it %s", async (_name, dates, message) => {
    const { cert, key } = selfSigned("signet.example", dates);
    await expect(read(cert, key)).rejects.toMatchObject({ code: "invalid", message: expect.stringMatching(message) });
  });

  it("is refused when the CA of clients cannot be used", async () => {
    await expect(read(pair.cert, pair.key, "nonsense")).rejects.toMatchObject({
      message: expect.stringMatching(/ca\.pem contains no certificate/),
    });
  });

  it("is refused when it is a directory", async () => {
    const files = { cert: directory, key: directory, clientCa: null };
    await expect(readServerCertificate(files, NOW)).rejects.toMatchObject({
      message: expect.stringContaining("EISDIR"),
    });
  });

  it("never shows its key in a refusal", async () => {
    const secret = pair.key.split("\n")[1] ?? "";
    const refusal: unknown = await read(other.cert, pair.key).catch((thrown: unknown) => thrown);
    expect(String(refusal)).not.toContain(secret);
    expect(JSON.stringify(refusal)).not.toContain(secret);
  });
});

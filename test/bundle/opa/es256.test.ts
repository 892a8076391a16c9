import { createPrivateKey, createPublicKey, generateKeyPairSync, sign, verify } from "node:crypto";
import { describe, expect, it } from "vitest";
import { createEs256Key, createEs256Signer, parseEs256PublicKey, verifyEs256 } from "../../../src/bundle/opa/es256.js";

const MESSAGE = new TextEncoder().encode("sample");

/** RFC 6979, appendix A.2.5: P-256 with SHA-256. */
const RFC_6979 = {
  x: "c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721",
  ux: "60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6",
  uy: "7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299",
  sample:
    "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716" +
    "f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8",
};

function base64Url(hex: string): string {
  return Buffer.from(hex, "hex").toString("base64url");
}

function rfcKey(): string {
  const { x, ux, uy } = RFC_6979;
  const jwk = { kty: "EC", crv: "P-256", d: base64Url(x), x: base64Url(ux), y: base64Url(uy) };
  return createPrivateKey({ key: jwk, format: "jwk" }).export({ type: "pkcs8", format: "pem" }).toString();
}

describe("ES256", () => {
  it("signs as RFC 6979 says, always the same", async () => {
    const signer = createEs256Signer(rfcKey());

    const signature = await signer.sign(MESSAGE);

    expect(Buffer.from(signature).toString("hex")).toBe(RFC_6979.sample);
    expect(await signer.sign(MESSAGE)).toEqual(signature);
  });

  it("makes keys and signatures that OpenSSL takes, and takes those of OpenSSL", async () => {
    const signer = createEs256Signer(createEs256Key());
    const signature = await signer.sign(MESSAGE);
    const key = createPublicKey(signer.publicKeyPem);
    expect(verify("sha256", MESSAGE, { key, dsaEncoding: "ieee-p1363" }, signature)).toBe(true);

    const theirs = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const pem = theirs.publicKey.export({ type: "spki", format: "pem" }).toString();
    const privatePem = theirs.privateKey.export({ type: "pkcs8", format: "pem" }).toString();
    const other = sign("sha256", MESSAGE, { key: theirs.privateKey, dsaEncoding: "ieee-p1363" });
    expect(verifyEs256(parseEs256PublicKey(pem), MESSAGE, other)).toBe(true);
    expect(createEs256Signer(privatePem).publicKeyPem).toBe(pem);
    expect(createEs256Signer(privatePem.replaceAll("\n", "\\n")).publicKeyPem).toBe(pem);
  });

  it("refuses a signature with any bit changed, of another length, and over another message", async () => {
    const signer = createEs256Signer(createEs256Key());
    const key = parseEs256PublicKey(signer.publicKeyPem);
    const signature = await signer.sign(MESSAGE);

    for (const bit of [0, 7, 255, 256, 511]) {
      const flipped = signature.slice();
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(verifyEs256(key, MESSAGE, flipped), `bit ${bit}`).toBe(false);
    }
    for (const length of [0, 63, 65]) expect(verifyEs256(key, MESSAGE, new Uint8Array(length))).toBe(false);
    expect(verifyEs256(key, new TextEncoder().encode("simple"), signature)).toBe(false);
  });

  it.each([
    ["another curve", generateKeyPairSync("ec", { namedCurve: "P-384" })],
    ["Ed25519", generateKeyPairSync("ed25519")],
  ])("refuses keys of %s, and never repeats a private one", (_name, { publicKey, privateKey }) => {
    const privatePem = privateKey.export({ type: "pkcs8", format: "pem" }).toString();
    expect(() => parseEs256PublicKey(publicKey.export({ type: "spki", format: "pem" }).toString())).toThrow(/P-256/);
    expect(() => createEs256Signer(privatePem)).toThrow(/^the OPA signing key is not a PEM PKCS#8 P-256 private key$/);
  });

  it("refuses a point that is not on the curve, and a private key with another key's point", () => {
    const off = Buffer.from(
      createEs256Signer(createEs256Key()).publicKeyPem.split("\n").slice(1, -2).join(""),
      "base64",
    );
    off[off.length - 1] = (off.at(-1) ?? 0) ^ 1;
    expect(() => parseEs256PublicKey(pemOf("PUBLIC KEY", off))).toThrow(/P-256/);

    const [a, b] = [createEs256Key(), createEs256Key()].map((pem) =>
      Buffer.from(pem.split("\n").slice(1, -2).join(""), "base64"),
    );
    const mixed = Buffer.concat([a?.subarray(0, 73) ?? off, b?.subarray(73) ?? off]);
    expect(() => createEs256Signer(pemOf("PRIVATE KEY", mixed))).toThrow(/P-256/);
  });
});

function pemOf(label: string, der: Buffer): string {
  return `-----BEGIN ${label}-----\n${der.toString("base64")}\n-----END ${label}-----\n`;
}

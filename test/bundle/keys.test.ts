import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync } from "node:crypto";
import { describe, expect, it } from "vitest";
import { createNobleSigner } from "../../src/bundle/ed25519-noble.js";
import { formatPrivateKey, formatPublicKey, parsePrivateKey, parsePublicKey } from "../../src/bundle/keys.js";
import { AppError } from "../../src/core/error.js";
import { createNodeSigner } from "../../src/service/keys/ed25519-node.js";
import { TEST_PRIVATE_KEY, TEST_PUBLIC_KEY } from "./fixtures/key.js";

const seed = Uint8Array.from({ length: 32 }, (_, i) => i);

function appError(call: () => unknown): AppError {
  try {
    call();
  } catch (error) {
    expect(error).toBeInstanceOf(AppError);
    return error as AppError;
  }
  throw new Error("accepted");
}

describe("PEM keys", () => {
  it.each([
    ["as openssl writes it", (pem: string) => pem],
    ["with \\n as two characters", (pem: string) => pem.replaceAll("\n", "\\n")],
    ["with CRLF", (pem: string) => pem.replaceAll("\n", "\r\n")],
    ["without the last line break", (pem: string) => pem.trim()],
    ["with space around", (pem: string) => `\n  ${pem}\n`],
    ["with a broken body", (pem: string) => pem.replace(/^M.{20}/m, "$&\n")],
  ])("are read %s", (_, write) => {
    expect(parsePrivateKey(write(TEST_PRIVATE_KEY))).toEqual(seed);
    expect(formatPublicKey(parsePublicKey(write(TEST_PUBLIC_KEY)).bytes)).toBe(TEST_PUBLIC_KEY);
  });

  it("are written as they were read", () => {
    expect(formatPrivateKey(seed)).toBe(TEST_PRIVATE_KEY);
    expect(formatPublicKey(parsePublicKey(TEST_PUBLIC_KEY).bytes)).toBe(TEST_PUBLIC_KEY);
  });

  it("are what Node reads and writes", () => {
    const { privateKey, publicKey } = generateKeyPairSync("ed25519");
    const privatePem = privateKey.export({ type: "pkcs8", format: "pem" }).toString();
    const publicPem = publicKey.export({ type: "spki", format: "pem" }).toString();
    expect(formatPrivateKey(parsePrivateKey(privatePem))).toBe(privatePem);
    expect(createNobleSigner(privatePem).publicKeyPem).toBe(publicPem);
    expect(createPrivateKey(privatePem).asymmetricKeyType).toBe("ed25519");
  });

  it("are named by the hash of their SubjectPublicKeyInfo", () => {
    const der = createPublicKey(TEST_PUBLIC_KEY).export({ type: "spki", format: "der" });
    const expected = createHash("sha256").update(der).digest("hex").slice(0, 16);
    expect(parsePublicKey(TEST_PUBLIC_KEY).keyId).toBe(expected);
  });

  const rsa = generateKeyPairSync("rsa", { modulusLength: 1024 });
  const x25519 = generateKeyPairSync("x25519");
  const pkcs8 = { type: "pkcs8", format: "pem" } as const;
  const spki = { type: "spki", format: "pem" } as const;
  const body = "MC4CAQAwBQYDK2VwBCIEIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f";
  it.each([
    ["nothing", ""],
    ["a bare body", body],
    ["a public key", TEST_PUBLIC_KEY],
    ["another label", TEST_PRIVATE_KEY.replaceAll("PRIVATE", "EC PRIVATE")],
    ["no end line", TEST_PRIVATE_KEY.split("-----END")[0] as string],
    ["a short body", TEST_PRIVATE_KEY.replace("HR4f", "")],
    ["a long body", TEST_PRIVATE_KEY.replace("HR4f", "HR4fAAAA")],
    ["another algorithm's OID", TEST_PRIVATE_KEY.replace("K2Vw", "K2Vx")],
    ["a body that is no base64", TEST_PRIVATE_KEY.replace("HR4f", "HR4*")],
    ["two keys", TEST_PRIVATE_KEY + TEST_PRIVATE_KEY],
    ["an RSA key", rsa.privateKey.export(pkcs8).toString()],
    ["an X25519 key", x25519.privateKey.export(pkcs8).toString()],
    ["a megabyte", `-----BEGIN PRIVATE KEY-----${"\n".repeat(1e6)}-----END PRIVATE KEY-----`],
  ])("refuse %s as a private key and repeat none of it", (_, pem) => {
    for (const call of [() => parsePrivateKey(pem), () => createNobleSigner(pem), () => createNodeSigner(pem)]) {
      const error = appError(call);
      expect(error.code).toBe("signing_failed");
      expect(`${error.stack} ${String(error.cause)}`).not.toContain("AAECAwQFBgcI");
    }
  });

  it.each([
    ["nothing", ""],
    ["a private key", TEST_PRIVATE_KEY],
    ["a short body", TEST_PUBLIC_KEY.replace("Mbg=", "")],
    ["unused bits", TEST_PUBLIC_KEY.replace("Mbg=", "Mbh=")],
    ["an RSA key", rsa.publicKey.export(spki).toString()],
    ["an X25519 key", x25519.publicKey.export(spki).toString()],
  ])("refuse %s as a public key", (_, pem) => {
    expect(appError(() => parsePublicKey(pem)).code).toBe("invalid");
  });
});

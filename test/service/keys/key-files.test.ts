import { createPublicKey, generateKeyPairSync } from "node:crypto";
import { chmodSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { nodeVerifier } from "../../../src/service/keys/ed25519-node.js";
import { KEY_PURPOSES } from "../../../src/core/key.js";
import { openLastKeys, openSigningKeys } from "../../../src/service/keys/key-files.js";
import { parsePublicKey } from "../../../src/bundle/keys.js";
import { writeSecretFile } from "../../../src/service/keys/secret-file.js";
import { useDirectory } from "../../store/temporary-store.js";

const BUNDLES = "bundle-signing-key.pem";
const WEBHOOKS = "webhook-signing-key.pem";
const AUDIT = "audit-signing-key.pem";
const ATTESTATION = "attestation-signing-key.pem";
const OPA = "opa-signing-key.pem";
const newPem = () => generateKeyPairSync("ed25519").privateKey.export({ type: "pkcs8", format: "pem" }).toString();
const modeOf = (file: string) => statSync(file).mode & 0o777;

describe("signing keys", () => {
  const directory = useDirectory();
  const file = (name: string) => join(directory.path, name);
  const open = (given: string | null = null, isNew = true) => openSigningKeys(directory.path, given, isNew);

  it("of a new directory are made, for the owner alone, one for each purpose", () => {
    const keys = open();
    expect(keys.problem).toBeNull();
    expect(keys.bundles.keyId).not.toBe(keys.audit.keyId);
    expect(readdirSync(directory.path).sort()).toEqual([ATTESTATION, AUDIT, BUNDLES, OPA, WEBHOOKS]);
    expect(new Set(KEY_PURPOSES.map((it) => keys[it].keyId)).size).toBe(5);
    for (const name of [ATTESTATION, AUDIT, BUNDLES, OPA]) expect(modeOf(file(name))).toBe(0o600);
  });

  it("stay the same when they are opened again", () => {
    const first = open();
    const again = open(null, false);
    expect([again.bundles.keyId, again.audit.keyId]).toEqual([first.bundles.keyId, first.audit.keyId]);
  });

  it("that are missing in an old directory are not replaced", async () => {
    open();
    rmSync(file(BUNDLES));
    const keys = open(null, false);
    expect(keys.problem).toContain(BUNDLES);
    expect(keys.bundles.keyId).toBe("");
    await expect(keys.bundles.sign(new Uint8Array())).rejects.toMatchObject({
      code: "signing_failed",
      message: "policy signing failed",
    });
    expect(readdirSync(directory.path)).toEqual([ATTESTATION, AUDIT, OPA, WEBHOOKS]);
    await keys.audit.sign(new Uint8Array());
  });

  it("for the audit must be there in an old directory", () => {
    open();
    rmSync(file(AUDIT));
    expect(() => open(null, false)).toThrow(expect.objectContaining({ code: "signing_failed" }));
    expect(readdirSync(directory.path)).toEqual([ATTESTATION, BUNDLES, OPA, WEBHOOKS]);
  });

  it("for attestation are made in a directory of an earlier release, and a lost one is not replaced", () => {
    open();
    openLastKeys(directory.path).remember({ audit: open().audit.publicKeyPem });
    rmSync(file(ATTESTATION));
    const made = open(null, false).attestation;
    openLastKeys(directory.path).remember({ attestation: made.publicKeyPem });
    expect(open(null, false).attestation.keyId).toBe(made.keyId);
    rmSync(file(ATTESTATION));
    expect(() => open(null, false)).toThrow(expect.objectContaining({ code: "signing_failed" }));
    expect(readdirSync(directory.path)).not.toContain(ATTESTATION);
  });

  it("for OPA are P-256, made in a directory of an earlier release, and a lost one is not replaced", () => {
    const { opa } = open();
    expect(createPublicKey(opa.publicKeyPem).asymmetricKeyDetails).toEqual({ namedCurve: "prime256v1" });
    openLastKeys(directory.path).remember({ audit: open().audit.publicKeyPem });
    rmSync(file(OPA));
    const made = open(null, false).opa;
    expect(made.keyId).not.toBe(opa.keyId);
    openLastKeys(directory.path).remember({ opa: made.publicKeyPem });
    expect(open(null, false).opa.publicKeyPem).toBe(made.publicKeyPem);
    rmSync(file(OPA));
    expect(() => open(null, false)).toThrow(expect.objectContaining({ code: "signing_failed" }));
    expect(readdirSync(directory.path)).not.toContain(OPA);
  });

  it.each([AUDIT, WEBHOOKS, ATTESTATION])("in %s cannot sign bundles, too", (name) => {
    open();
    expect(open(file(name), false).problem).toContain("another purpose");
  });

  const given = newPem();
  it.each([
    ["a PEM", () => given],
    ["a PEM with \\n as two characters", () => given.replaceAll("\n", "\\n")],
    ["a PEM with CRLF", () => given.replaceAll("\n", "\r\n")],
    ["a path", () => (writeFileSync(file("mine.pem"), given), file("mine.pem"))],
  ])("are taken as %s, and none is made for bundles", async (_, text) => {
    const keys = open(text());
    expect(keys.problem).toBeNull();
    const message = new TextEncoder().encode("m");
    const publicKey = parsePublicKey(keys.bundles.publicKeyPem).bytes;
    expect(await nodeVerifier.verify(publicKey, message, await keys.bundles.sign(message))).toBe(true);
    expect(readdirSync(directory.path)).not.toContain(BUNDLES);
  });

  const rsa = generateKeyPairSync("rsa", { modulusLength: 1024 }).privateKey.export({ type: "pkcs8", format: "pem" });
  it.each([
    ["a truncated PEM", given.slice(0, 60)],
    ["a PEM of another kind", rsa.toString()],
    ["no PEM and no path", "c2VjcmV0LXNlY3JldC1zZWNyZXQ="],
    ["a directory", "/"],
  ])("given as %s can sign nothing, and the reason does not quote it", async (_, text) => {
    const keys = open(text);
    expect(keys.problem).not.toBeNull();
    if (text.length > 1) expect(keys.problem).not.toContain(text.slice(0, 20));
    await expect(keys.bundles.sign(new Uint8Array())).rejects.toMatchObject({ code: "signing_failed" });
  });

  it("in a file that is no key are refused, and the file stays as it is", () => {
    open();
    writeFileSync(file(BUNDLES), "not a key");
    expect(open(null, false).problem).not.toBeNull();
    expect(readFileSync(file(BUNDLES), "utf8")).toBe("not a key");
  });
});

describe("a secret file", () => {
  const directory = useDirectory();
  const file = () => join(directory.path, "secret");

  it("is readable for its owner alone, and nothing is left beside it", () => {
    writeSecretFile(file(), "one\n");
    writeSecretFile(file(), "two\n");
    expect(readFileSync(file(), "utf8")).toBe("two\n");
    expect(modeOf(file())).toBe(0o600);
    expect(readdirSync(directory.path)).toEqual(["secret"]);
  });

  it("replaces one that others could read", () => {
    writeFileSync(file(), "old", { mode: 0o644 });
    chmodSync(file(), 0o644);
    writeSecretFile(file(), "new");
    expect(modeOf(file())).toBe(0o600);
  });

  it("is for its owner alone even over what an earlier try left behind", () => {
    const leftOver = `${file()}.${process.pid}.new`;
    writeFileSync(leftOver, "");
    chmodSync(leftOver, 0o644);
    writeSecretFile(file(), "new");
    expect(modeOf(file())).toBe(0o600);
  });

  it("that cannot be put in its place leaves the old one, and no secret beside it", () => {
    mkdirSync(file());
    expect(() => writeSecretFile(file(), "new")).toThrow();
    expect(readdirSync(directory.path)).toEqual(["secret"]);
  });
});

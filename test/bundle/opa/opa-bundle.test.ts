import { describe, expect, it } from "vitest";
import { createEs256Key, createEs256Signer, parseEs256PublicKey } from "../../../src/bundle/opa/es256.js";
import { opaContent, plainContent, signedOpaFiles, unsignedOpaBundle } from "../../../src/bundle/opa/opa-bundle.js";
import type { OpaFile } from "../../../src/bundle/opa/opa-file.js";
import { formatRevision, opaScope, parseRevision } from "../../../src/bundle/opa/opa-manifest.js";
import { verifyOpaFiles } from "../../../src/bundle/opa/opa-signature.js";
import { VerificationError } from "../../../src/bundle/verification-error.js";
import { verifiedClaims } from "../../support/opa-archive.js";

const HASH = `sha256:${"ab".repeat(32)}`;
const ACTIVATION = {
  orgId: "0198c0de-0000-7000-8000-000000000001",
  projectId: "0198c0de-0000-7000-8000-000000000002",
  environment: "prod",
  sequence: 41,
  version: 7,
  policyHash: HASH,
  activatedAt: "2026-04-22T12:00:00.250Z",
};
const signer = createEs256Signer(createEs256Key());
const trust = { key: parseEs256PublicKey(signer.publicKeyPem), scope: opaScope(ACTIVATION) };

async function archive(content = plainContent('{"b":1.0,"a":"\\u2028"}', "{}")): Promise<readonly OpaFile[]> {
  const unsigned = unsignedOpaBundle(ACTIVATION, content, { keyId: signer.keyId });
  return signedOpaFiles(unsigned, await signer.sign(new TextEncoder().encode(unsigned.signingInput)));
}

function textOf(files: readonly OpaFile[], name: string): string {
  return Buffer.from(files.find((file) => file.name === name)?.bytes ?? []).toString("utf8");
}

function reasonOf(files: readonly OpaFile[], expected = trust): string {
  try {
    verifyOpaFiles(files, expected);
    return "accepted";
  } catch (thrown) {
    return thrown instanceof VerificationError ? thrown.reason : String(thrown);
  }
}

describe("an OPA bundle of a plain document", () => {
  it("has manifest, signature and one file of data, in order", async () => {
    const files = await archive();

    expect(files.map(({ name }) => name)).toEqual([".manifest", ".signatures.json", "signet/data.json"]);
    expect(textOf(files, "signet/data.json")).toBe('{"policies":{"a":"\\u2028","b":1.0},"scope_policies":{}}');
    expect(textOf(files, ".manifest")).toBe(
      `{"metadata":{"signet":{"environment":"prod","org":"${ACTIVATION.orgId}","policy_hash":"${HASH}",` +
        `"project":"${ACTIVATION.projectId}","sequence":41,"version":7}},"rego_version":1,` +
        `"revision":"41.${HASH}","roots":["signet"]}`,
    );
  });

  it("is signed as OPA reads it, by an independent verifier", async () => {
    const files = new Map((await archive()).map(({ name, bytes }) => [name, Buffer.from(bytes)]));

    const { header, files: _files, ...claims } = verifiedClaims(files, signer.publicKeyPem);

    expect(header).toEqual({ alg: "ES256", typ: "JWT", kid: signer.keyId });
    expect(claims).toEqual({ scope: `${ACTIVATION.projectId}/prod`, iat: 1_776_859_200, iss: "signet" });
  });

  it("is the same bytes each time", async () => {
    expect(await archive()).toEqual(await archive());
  });

  it("orders files by the bytes of their names", async () => {
    const named = ["a/b.rego", "a-b.rego", "a.rego", "\u{1f600}.rego", "\uffee.rego"];
    const files = await archive({
      files: named.map((name) => ({ name, bytes: new Uint8Array() })),
      roots: [""],
      regoVersion: 1,
    });
    expect(files.map(({ name }) => name)).toEqual([
      ...[".manifest", ".signatures.json", "a-b.rego", "a.rego", "a/b.rego", "\uffee.rego", "\u{1f600}.rego"],
    ]);
  });
});

describe("an OPA bundle of kind OPA", () => {
  const policies = {
    files: new Map([
      ["authz/policy.rego", "package authz\n\ndefault allow := false\n"],
      ["authz/data.json", '{ "z": 1.0, "a": 990000000262240065, "\u00e9": "\u2028" }'],
      ["authz/roles/data.yaml", "b: yes\na: 0x10\n"],
    ]),
    roots: ["authz"],
    regoVersion: 0 as const,
  };
  const readYaml = () => ({ json: '{"b":"yes","a":16}' });

  it("has modules as they are, and data as OPA hashes it, YAML too", async () => {
    const files = await archive(opaContent(policies, readYaml));

    const texts = Object.fromEntries(files.map(({ name }) => [name, textOf(files, name)]));
    expect(texts).toMatchObject({
      "authz/policy.rego": "package authz\n\ndefault allow := false\n",
      "authz/data.json": '{"a":990000000262240065,"z":1.0,"é":"\\u2028"}',
      "authz/roles/data.yaml": '{"a":16,"b":"yes"}',
    });
    expect(JSON.parse(texts[".manifest"] ?? "")).toMatchObject({ roots: ["authz"], rego_version: 0 });
    verifiedClaims(new Map(files.map(({ name, bytes }) => [name, Buffer.from(bytes)])), signer.publicKeyPem);
    expect(verifyOpaFiles(files, trust)).toBe(1_776_859_200);
  });
});

describe("verifying an OPA bundle", () => {
  it("accepts it and returns when it was signed", async () => {
    expect(verifyOpaFiles(await archive(), trust)).toBe(1_776_859_200);
  });

  it.each<[string, string, (files: readonly OpaFile[]) => readonly OpaFile[]]>([
    ["a file more", "hash", (files) => [...files, { name: "more.rego", bytes: new Uint8Array() }]],
    ["a file less", "hash", (files) => files.filter(({ name }) => name !== "signet/data.json")],
    ["a file twice", "hash", (files) => [...files, ...files.filter(({ name }) => name === "signet/data.json")]],
    ["a byte changed", "hash", (files) => files.map((file) => (file.name === ".manifest" ? changed(file) : file))],
    ["a file renamed", "hash", (files) => files.map((file) => ({ ...file, name: file.name.replace("signet/", "s/") }))],
    ["no signature", "signature_missing", (files) => files.filter(({ name }) => name !== ".signatures.json")],
    ["two signatures", "malformed", (files) => resigned(files, (jwt) => `"${jwt}","${jwt}"`)],
    ["a signature cut off", "signature", (files) => resigned(files, (jwt) => `"${jwt.replace(/\.[^.]*$/, ".")}"`)],
    ["unsigned claims", "signature", (files) => resigned(files, (jwt) => `"e30.e30.${jwt.split(".")[2] ?? ""}"`)],
    ["no JSON", "malformed", (files) => resigned(files, () => "{")],
  ])("refuses %s", async (_name, reason, change) => {
    expect(reasonOf(change(await archive()))).toBe(reason);
  });

  it("refuses another environment's, and another key's", async () => {
    const files = await archive();
    expect(reasonOf(files, { ...trust, scope: `${ACTIVATION.projectId}/dev` })).toBe("identity");
    const other = parseEs256PublicKey(createEs256Signer(createEs256Key()).publicKeyPem);
    expect(reasonOf(files, { ...trust, key: other })).toBe("signature");
  });
});

describe("a revision", () => {
  it("names sequence and content, there and back", () => {
    expect(formatRevision(ACTIVATION)).toBe(`41.${HASH}`);
    expect(parseRevision(`41.${HASH}`)).toEqual({ sequence: 41, policyHash: HASH });
  });

  it.each([
    "",
    "41",
    `0.${HASH}`,
    `041.${HASH}`,
    `4294967296.${HASH}`,
    `41.${HASH}0`,
    `41.${HASH.toUpperCase()}`,
    ` 41.${HASH}`,
  ])("is not %j", (text) => {
    expect(parseRevision(text)).toBeNull();
  });
});

function changed(file: OpaFile): OpaFile {
  const bytes = file.bytes.slice();
  bytes[0] = (bytes[0] ?? 0) ^ 1;
  return { ...file, bytes };
}

function resigned(files: readonly OpaFile[], list: (jwt: string) => string): readonly OpaFile[] {
  return files.map((file) => {
    if (file.name !== ".signatures.json") return file;
    const { signatures } = JSON.parse(Buffer.from(file.bytes).toString("utf8")) as { signatures: string[] };
    return { ...file, bytes: new TextEncoder().encode(`{"signatures":[${list(signatures[0] ?? "")}]}`) };
  });
}

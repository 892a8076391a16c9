import { existsSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { decodeBase64, encodeBase64 } from "../../src/bundle/base64.js";
import { formatDocument, type BundleDocument } from "../../src/bundle/document.js";
import { createNobleSigner } from "../../src/bundle/ed25519-noble.js";
import { formatPrivateKey, parsePublicKey } from "../../src/bundle/keys.js";
import { canonicalContent } from "../../src/bundle/policy-hash.js";
import { scanStrictJson } from "../../src/bundle/strict-json.js";
import { signBundle } from "../../src/bundle/sign-bundle.js";
import { VerificationError, type VerificationReason } from "../../src/bundle/verification-error.js";
import { verifyDocument, type ExpectedIdentity, type VerifyOptions } from "../../src/bundle/verify-bundle.js";
import { nodeVerifier } from "../../src/service/keys/ed25519-node.js";
import { TEST_PRIVATE_KEY, TEST_PUBLIC_KEY } from "./fixtures/key.js";

const fixture = readFileSync(new URL("fixtures/bundle-v2.txt", import.meta.url), "utf8");
const document = JSON.parse(fixture) as BundleDocument;
const key = parsePublicKey(TEST_PUBLIC_KEY);
const otherSigner = createNobleSigner(formatPrivateKey(new Uint8Array(32).fill(9)));
const otherKey = parsePublicKey(otherSigner.publicKeyPem);
// Node's own is fast enough for thousands of flipped bits; that both agree is tested with the implementations.
const fast = { verifier: nodeVerifier };

/** The document with other fields; `undefined` leaves one out. */
function changed(changes: Partial<Record<keyof BundleDocument, unknown>>): string {
  return JSON.stringify({ ...document, ...changes });
}

async function reason(
  text: string,
  options: VerifyOptions & { keys?: (typeof key)[]; expected?: ExpectedIdentity } = {},
): Promise<VerificationReason | "good"> {
  try {
    await verifyDocument(text, options.keys ?? [key], options.expected ?? {}, { ...fast, ...options });
    return "good";
  } catch (error) {
    expect(error).toBeInstanceOf(VerificationError);
    return (error as VerificationError).reason;
  }
}

function identityOf(parsed: BundleDocument) {
  return {
    bundleId: parsed.bundle_id,
    orgId: parsed.org_id,
    projectId: parsed.project_id,
    environment: parsed.environment,
    publishedAt: parsed.published_at,
  };
}

function rawField(text: string, name: string): string {
  const { start, end } = scanStrictJson(text, { maxDepth: 65 }).spans.get(name) ?? { start: 0, end: 0 };
  return text.slice(start, end);
}

/** Signs the content of a document again and writes it as it would be served. */
async function republish(text: string): Promise<string> {
  const parsed = JSON.parse(text) as BundleDocument;
  const policiesText = rawField(text, "policies");
  const scopePoliciesText = rawField(text, "scope_policies");
  const content = canonicalContent(policiesText, scopePoliciesText);
  const identity = identityOf(parsed);
  const signed = await signBundle({ identity, content }, createNobleSigner(TEST_PRIVATE_KEY));
  return formatDocument({
    identity,
    policiesText,
    scopePoliciesText,
    ...signed,
    bundleVersion: 7,
  });
}

describe("the vector", () => {
  it("verifies with the portable implementation", async () => {
    const verified = await verifyDocument(fixture, [key], { orgId: document.org_id, environment: "staging" });
    expect(verified).toEqual({ document, keyId: key.keyId, identityIsSigned: true });
  });

  it("is what signing and formatting its parts gives, byte for byte", async () => {
    expect(await republish(fixture)).toBe(fixture);
  });

  it("has one text for the same policies in another order of keys", async () => {
    const policies = Object.fromEntries(Object.entries(document.policies).reverse());
    expect(await reason(changed({ policies }))).toBe("good");
  });
});

const shared = new URL("../../../shared/vectors/znyx-bundle-v2.json", import.meta.url);

describe.runIf(existsSync(shared))("the vector beside the project", () => {
  it("verifies, and is formatted the same", async () => {
    const text = readFileSync(shared, "utf8").trim();
    expect(await reason(text, { requireSignatureV2: true })).toBe("good");
    expect(await republish(text)).toBe(`${text.slice(0, -1)},"bundle_version":7,"key_id":"${key.keyId}"}`);
  });
});

const refusals: [what: string, text: string, reason: VerificationReason][] = [
  ["nothing", "", "malformed"],
  ["an array", "[]", "malformed"],
  ["a field twice", fixture.replace("{", '{"policies":{},'), "malformed"],
  ["a number that loses digits", fixture.replace("9007199254740992", "9007199254740993"), "malformed"],
  ["policies that are an array", changed({ policies: [] }), "malformed"],
  ["no policy_hash", changed({ policy_hash: undefined }), "malformed"],
  ["no scope", changed({ scope: undefined }), "malformed"],
  ["a null signature", changed({ signature: null }), "malformed"],
  ["a key_id that is a number", changed({ key_id: 1 }), "malformed"],
  ["version 2", changed({ version: 2 }), "format"],
  ["version true", changed({ version: true }), "format"],
  ['version "1"', changed({ version: "1" }), "format"],
  ["other policies", changed({ policies: {} }), "hash"],
  ["other scope policies", changed({ scope_policies: {} }), "hash"],
  ["another hash", changed({ policy_hash: `sha256:${"0".repeat(64)}` }), "hash"],
  ["a hash in capitals", changed({ policy_hash: document.policy_hash.toUpperCase() }), "hash"],
  ["no signature", changed({ signature: undefined }), "signature_missing"],
  ["neither signature", changed({ signature: undefined, signature_v2: undefined }), "signature_missing"],
  ["a key_id that nobody trusts", changed({ key_id: otherKey.keyId }), "unknown_key"],
  ["an empty signature", changed({ signature: "" }), "signature"],
  ["a signature that is no base64", changed({ signature: "%%%" }), "signature"],
  ["a signature without padding", changed({ signature: document.signature?.replace(/=+$/, "") }), "signature"],
  ["a signature with white space", changed({ signature: `${document.signature}\n` }), "signature"],
  ["the second signature as the first", changed({ signature: document.signature_v2 }), "signature"],
  ["no signature_v2", changed({ signature_v2: undefined }), "signature_v2_missing"],
  ["the first signature as the second", changed({ signature_v2: document.signature }), "signature_v2"],
  ["an empty signature_v2", changed({ signature_v2: "" }), "signature_v2"],
  ["another bundle_id", changed({ bundle_id: document.org_id }), "signature_v2"],
  ["another org_id", changed({ org_id: document.bundle_id }), "signature_v2"],
  ["another project_id", changed({ project_id: document.bundle_id }), "signature_v2"],
  ["another environment", changed({ environment: "prod" }), "signature_v2"],
  ["another published_at", changed({ published_at: "2026-04-22T12:00:01+00:00" }), "signature_v2"],
  ["another scope", changed({ scope: { ...document.scope, env: "prod" } }), "signature_v2"],
];

describe("a document that must not be applied", () => {
  it.each(refusals)("has %s", async (_, text, expected) => {
    expect(await reason(text)).toBe(expected);
  });

  it("is of somebody else", async () => {
    for (const expected of [{ orgId: "x" }, { projectId: "x" }, { environment: "prod" }]) {
      expect(await reason(fixture, { expected })).toBe("identity");
    }
    const mine = { orgId: document.org_id, projectId: document.project_id, environment: document.environment };
    expect(await reason(fixture, { expected: mine })).toBe("good");
  });

  it("is signed with another key, with or without a key_id", async () => {
    const noKeyId = changed({ key_id: undefined });
    expect(await reason(fixture, { keys: [otherKey] })).toBe("unknown_key");
    expect(await reason(noKeyId, { keys: [otherKey] })).toBe("signature");
    expect(await reason(noKeyId, { keys: [] })).toBe("unknown_key");
    expect(await reason(noKeyId, { keys: [otherKey, key] })).toBe("good");
    expect(await reason(fixture, { keys: [otherKey, key] })).toBe("good");
  });

  it("has its second signature by another trusted key", async () => {
    const content = canonicalContent(rawField(fixture, "policies"), rawField(fixture, "scope_policies"));
    const other = await signBundle({ identity: identityOf(document), content }, otherSigner);
    const text = changed({ key_id: undefined, signature_v2: other.signatureV2 });
    expect(await reason(text, { keys: [key, otherKey] })).toBe("signature_v2");
  });

  it("may lack the second signature only where the caller says so", async () => {
    const text = changed({ signature_v2: undefined });
    const verified = await verifyDocument(text, [key], {}, { requireSignatureV2: false });
    expect(verified.identityIsSigned).toBe(false);
    // There but bad is refused all the same.
    expect(await reason(changed({ signature_v2: document.signature }), { requireSignatureV2: false })).toBe(
      "signature_v2",
    );
  });
});

describe("every flipped bit fails", () => {
  const flips = (bytes: Uint8Array): Uint8Array[] =>
    Array.from({ length: bytes.length * 8 }, (_, bit) => {
      const flipped = bytes.slice();
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      return flipped;
    });

  it.each([["signature"], ["signature_v2"]] as const)("of %s", async (field) => {
    const all = flips(decodeBase64(document[field] ?? "") as Uint8Array);
    expect(all).toHaveLength(512);
    const reasons = await Promise.all(all.map((bytes) => reason(changed({ [field]: encodeBase64(bytes) }))));
    expect(new Set(reasons)).toEqual(new Set([field]));
  });

  it("of the signatures' base64, unused bits too", async () => {
    for (const field of ["signature", "signature_v2"] as const) {
      const all = flips(new TextEncoder().encode(document[field]));
      const texts = all.map((bytes) => changed({ [field]: Buffer.from(bytes).toString("latin1") }));
      expect(new Set(await Promise.all(texts.map((text) => reason(text))))).toEqual(new Set([field]));
    }
  });

  it("of policy_hash", async () => {
    const all = flips(new TextEncoder().encode(document.policy_hash));
    const texts = all.map((bytes) => changed({ policy_hash: Buffer.from(bytes).toString("latin1") }));
    expect(new Set(await Promise.all(texts.map((text) => reason(text))))).toEqual(new Set(["hash"]));
  });

  it("of the policies' and scope policies' text", async () => {
    const { spans } = scanStrictJson(fixture, { maxDepth: 65 });
    for (const field of ["policies", "scope_policies"]) {
      const { start, end } = spans.get(field) ?? { start: 0, end: 0 };
      const all = flips(new TextEncoder().encode(fixture.slice(start, end)));
      const strict = new TextDecoder("utf-8", { fatal: true });
      const texts = all.flatMap((bytes) => {
        try {
          return [fixture.slice(0, start) + strict.decode(bytes) + fixture.slice(end)];
        } catch {
          return [];
        }
      });
      expect(texts.length).toBeGreaterThan(all.length / 2);
      // A few flips write the same content in another way, 1e+21 as 1E+21.
      const same = texts.filter((text) => sameContent(text));
      const reasons = await Promise.all(texts.filter((text) => !same.includes(text)).map((text) => reason(text)));
      expect(reasons.every((r) => r === "malformed" || r === "hash")).toBe(true);
      expect(same.length).toBeLessThan(10);
    }
  });

  function sameContent(text: string): boolean {
    try {
      const parsed = JSON.parse(text) as BundleDocument;
      return JSON.stringify(parsed) === JSON.stringify(document);
    } catch {
      return false;
    }
  }
});

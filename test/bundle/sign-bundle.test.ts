import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { auditEventHash, auditEventMessage, auditHeadMessage } from "../../src/bundle/audit-chain.js";
import { formatPublishedAt, signatureV2Message } from "../../src/bundle/document.js";
import { canonicalContent } from "../../src/bundle/policy-hash.js";
import { signBundle } from "../../src/bundle/sign-bundle.js";
import type { Signer } from "../../src/bundle/signer.js";

const identity = { bundleId: "b", orgId: "o", projectId: "p", environment: "é", publishedAt: "t" };
const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

describe("what is signed", () => {
  it("is the canonical content in the hash", () => {
    const canonical = '{"policies":{"a":1e-05},"scope_policies":{}}';
    const { policyHash } = canonicalContent('{"a":0.00001}', "{}");
    expect(policyHash).toBe(`sha256:${createHash("sha256").update(canonical).digest("hex")}`);
  });

  it("is prefix, NUL and canonical JSON in the second signature", () => {
    expect(text(signatureV2Message(identity, canonicalContent('{"z":1,"a":2.0}', "{}")))).toBe(
      'znyx-policy-bundle-sig-v2\0{"bundle_format_version":1,"bundle_id":"b","environment":"\\u00e9","org_id":"o",' +
        '"policies":{"a":2.0,"z":1},"project_id":"p","published_at":"t",' +
        '"scope":{"agent_id":"","app_id":"","env":"","tenant_id":""},"scope_policies":{}}',
    );
  });

  it("is exactly the event's fields in an audit signature", () => {
    const event = {
      resource_type: "bundle",
      resource_id: "r",
      prev_signature: "s",
      org_id: "o",
      metadata: { z: 1, a: "é" },
      id: 3,
      created_at: "t",
      actor: "ci",
      action: "publish",
      row: "not signed",
    };
    const message = auditEventMessage(event);
    expect(text(message)).toBe(
      'signet-audit-v1\0{"action":"publish","actor":"ci","created_at":"t","id":3,"metadata":{"a":"\\u00e9","z":1},' +
        '"org_id":"o","prev_signature":"s","resource_id":"r","resource_type":"bundle"}',
    );
    const signature = new Uint8Array(64).fill(7);
    const hash = createHash("sha256").update(message).update(signature).digest("hex");
    expect(auditEventHash(event, signature)).toBe(`sha256:${hash}`);
    expect(text(auditHeadMessage({ org_id: "o", number: 2, hash: "h" }))).toBe(
      'signet-audit-v1\0head\0{"hash":"h","number":2,"org_id":"o"}',
    );
  });
});

describe("a signer that fails", () => {
  const broken = (sign: Signer["sign"]): Signer => ({ keyId: "k", publicKeyPem: "", sign });
  const content = canonicalContent("{}", "{}");

  it.each([
    ["rejects", broken(() => Promise.reject(new Error("token 1234 not plugged in")))],
    [
      "throws",
      broken(() => {
        throw new Error("token 1234 not plugged in");
      }),
    ],
    ["gives too few bytes", broken(async () => new Uint8Array(63))],
  ])("%s", async (_, signer) => {
    const error: unknown = await signBundle({ identity, content }, signer).catch((e: unknown) => e);
    expect(error).toMatchObject({ name: "AppError", code: "signing_failed", message: "policy signing failed" });
    expect((error as Error).cause).toBeInstanceOf(Error);
    expect((error as Error).message).not.toContain("1234");
  });
});

describe("published_at", () => {
  it.each([
    ["2026-04-22T12:00:00Z", "2026-04-22T12:00:00+00:00"],
    ["2026-04-22T12:00:00.999Z", "2026-04-22T12:00:00+00:00"],
    ["2026-04-22T14:00:00+02:00", "2026-04-22T12:00:00+00:00"],
    [new Date(0), "1970-01-01T00:00:00+00:00"],
  ])("writes %s as %s", (time, expected) => {
    expect(formatPublishedAt(time)).toBe(expected);
  });

  it.each([
    "",
    "yesterday",
    "2026-04-22",
    "2026-04-22T12:00:00",
    "2026-13-01T00:00:00Z",
    new Date(NaN),
    new Date(8.64e15),
  ])("refuses %s", (time) => {
    expect(() => formatPublishedAt(time)).toThrow(expect.objectContaining({ code: "internal" }) as Error);
  });
});

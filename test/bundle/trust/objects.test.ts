import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { formatActivation, parseActivation, type ActivationStatement } from "../../../src/bundle/trust/activation.js";
import { formatAttestation, formatRenewal, parseAttestation } from "../../../src/bundle/trust/attestation.js";
import { formatLease, parseLease, type Lease } from "../../../src/bundle/trust/lease.js";
import { formatRelease, parseRelease, type Release } from "../../../src/bundle/trust/release.js";
import { formatRoot, parseRoot, pinnedRoot, ruleOf } from "../../../src/bundle/trust/root.js";
import { trustTime } from "../../../src/bundle/trust/trust-time.js";
import { keys } from "../../vectors/make/keys.js";
import { keyMap, rule, siteRoot } from "../../vectors/make/objects.js";

const hex = fc.string({ unit: fc.constantFrom(..."0123456789abcdef"), minLength: 64, maxLength: 64 });
const name = fc.stringMatching(/^[a-z0-9][a-z0-9-]{0,20}$/);
const text = fc
  .string({ unit: "grapheme", maxLength: 20 })
  .filter((it) => !/[\u0000-\u001f\u007f\ud800-\udfff]/.test(it));
const time = fc.integer({ min: 0, max: 4e9 }).map((seconds) => trustTime(seconds * 1000));
const count = fc.maxSafeNat();
const number = count.map((it) => Math.max(1, it));
const tenant = { orgId: fc.uuid(), projectId: fc.uuid() };
const runs = { numRuns: 200 };

const bytesOf = (value: string) => new TextEncoder().encode(value);

describe("the objects of trust", () => {
  it("are parsed as they were: leases", () => {
    const active = fc.record<Lease>({
      ...tenant,
      environment: name,
      rootVersion: count,
      sequence: number,
      activation: hex,
      issuedAt: time,
      expiresAt: time,
    });
    fc.assert(
      fc.property(active, fc.boolean(), (lease, isEmpty) => {
        const it = isEmpty ? { ...lease, sequence: 0, activation: null } : lease;
        expect(parseLease(formatLease(it))).toEqual(it);
      }),
      runs,
    );
  });

  it("are parsed as they were: activations", () => {
    const activation = fc.record<ActivationStatement>({
      ...tenant,
      content: hex,
      document: hex,
      environment: name,
      sequence: number,
      kind: text,
      bundleId: fc.uuid(),
      version: number,
      deploymentId: fc.uuid(),
      activatedAt: time,
      mediaType: text,
      size: count,
      release: fc.option(hex),
      previous: fc.option(hex),
    });
    fc.assert(
      fc.property(activation, (it) => {
        expect(parseActivation(formatActivation(it))).toEqual(it);
        // The same activation is the same bytes: its digest is its name.
        expect(formatActivation(parseActivation(formatActivation(it)))).toEqual(formatActivation(it));
      }),
      runs,
    );
  });

  it("are parsed as they were: releases", () => {
    const release = fc.record<Release>({
      ...tenant,
      subjects: fc.array(fc.tuple(name, hex), { minLength: 1, maxLength: 5 }).map((pairs) => new Map(pairs)),
      number,
      createdAt: time,
      expiresAt: fc.option(time),
      mediaType: text,
      source: fc.option(fc.record({ repository: text, revision: text, url: text })),
    });
    fc.assert(
      fc.property(release, (it) => {
        expect(parseRelease(formatRelease(it))).toEqual(it);
      }),
      runs,
    );
  });

  it("are parsed as they were: roots", () => {
    const root = siteRoot({
      names: { [keys.alice.id]: "alice" },
      revoked: ["a".repeat(64)],
      rollback: "release",
      environments: new Map([
        ["prod", { activation: rule(1, keys.activation), release: rule(2, keys.alice, keys.bob) }],
        ["dev", {}],
      ]),
    });
    expect(parseRoot(formatRoot(root))).toEqual(root);
    expect(parseRoot(formatRoot(siteRoot()))).toEqual(siteRoot());
  });

  it("write whole seconds, whatever instant they are given", () => {
    expect(trustTime("2026-03-01T12:00:00.999Z")).toBe("2026-03-01T12:00:00Z");
    expect(parseRoot(formatRoot(siteRoot({ expiresAt: "2026-03-01T12:00:00.999Z" }))).expiresAt).toBe(
      "2026-03-01T12:00:00Z",
    );
    expect(() => trustTime("soon")).toThrow(RangeError);
  });

  it("give an environment its own rules, and the root's where it has none", () => {
    const root = siteRoot();
    expect(ruleOf(root, "release", "prod")).toEqual({
      threshold: 2,
      keys: [keys.alice.key, keys.bob.key, keys.carol.key],
    });
    expect(ruleOf(root, "release", "dev")).toEqual({ threshold: 0, keys: [] });
    expect(ruleOf(root, "lease", "prod").keys).toEqual([keys.lease.key]);
    expect(ruleOf(root, "root", "prod").threshold).toBe(2);
  });

  it("treat pinned keys as a root for activations and leases alone", () => {
    const root = pinnedRoot([keys.lease.key, keys.activation.key, keys.lease.key]);
    expect(root.version).toBe(0);
    expect(ruleOf(root, "lease", "prod")).toEqual({ threshold: 1, keys: [keys.lease.key, keys.activation.key] });
    expect(ruleOf(root, "release", "prod").threshold).toBe(0);
    expect(ruleOf(root, "root", null)).toEqual({ threshold: 0, keys: [] });
  });

  const root = new TextDecoder().decode(formatRoot(siteRoot()));
  it.each([
    ["not an object", "[]", "malformed"],
    ["another type", root.replace("signet-root/1", "signet-root/9"), "wrong_type"],
    ["version 0", root.replace('"version":1', '"version":0'), "malformed"],
    ["no revoked", root.replace('"revoked":[]', '"x":[]'), "malformed"],
    ["another rollback", root.replace('"rollback":"server"', '"rollback":"never"'), "malformed"],
    ["an environment of another name", root.replace('"prod"', '"Prod"'), "malformed"],
    [
      "a key of 31 bytes",
      root.replace(/"keys":\{"([0-9a-f]+)":"[^"]+"/, `"keys":{"$1":"${"A".repeat(42)}=="`),
      "malformed",
    ],
    ["a role missing", root.replace('"lease":', '"other":'), "malformed"],
    ["keyids that are no list", root.replace('"keyids":[', '"keyids":"x","other":['), "malformed"],
    ["not UTF-8", null, "malformed"],
  ] as const)("refuse a root with %s", (_name, value, code) => {
    const payload = value === null ? new Uint8Array([0x7b, 0xff, 0x7d]) : bytesOf(value);
    expect(() => parseRoot(payload)).toThrow(expect.objectContaining({ code }));
  });

  it("bound how many keys, rules and revocations a root may have", () => {
    const many = siteRoot({ revoked: Array.from({ length: 1025 }, () => "a".repeat(64)) });
    expect(() => parseRoot(formatRoot(many))).toThrow(expect.objectContaining({ code: "malformed" }));
    const stranger = siteRoot({ keys: keyMap(keys.alice) });
    expect(() => parseRoot(formatRoot(stranger))).toThrow(expect.objectContaining({ code: "bad_root" }));
  });
});

describe("an attestation", () => {
  const nothing = { lease: null, activation: null, release: null, proof: null };

  it("is split into the texts that it was made of", () => {
    const envelope = '{"payload":"e30=", "payloadType":"x","signatures":[]}';
    for (const it of [
      { lease: envelope, activation: envelope, release: envelope, proof: 'c2sp.org/tlog-proof@v1\n"x"' },
      { lease: envelope, activation: envelope, release: null, proof: null },
      { ...nothing, lease: envelope },
      nothing,
    ]) {
      expect(parseAttestation(formatAttestation(it))).toEqual(it);
    }
    expect(parseAttestation(formatRenewal(envelope))).toEqual({ ...nothing, lease: envelope });
  });

  it.each([
    ["[]", "malformed"],
    ["", "malformed"],
    ['{"lease":"x"}', "malformed"],
    ['{"lease":{},"lease":{}}', "malformed"],
    ['{"proof":{}}', "malformed"],
    [`{"lease":${"[".repeat(50)}${"]".repeat(50)}}`, "malformed"],
    [" ".repeat(300_000), "too_large"],
  ])("refuses %.40s", (value, code) => {
    expect(() => parseAttestation(value)).toThrow(expect.objectContaining({ code }));
  });
});

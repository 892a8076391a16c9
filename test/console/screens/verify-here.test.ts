import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { keyId, parsePublicKey } from "../../../src/bundle/keys.js";
import { parsePin, pinnedKeys } from "../../../src/console/screens/document/pin.js";
import { verifyHere, type Evidence } from "../../../src/console/screens/document/verify-here.js";
import { startTestServer, type TestServer } from "../../support/server.js";

let server: TestServer;
let evidence: Evidence;

beforeAll(async () => {
  server = await startTestServer();
  const { admin, orgId, projectId } = server;
  const path = { orgId, projectId, envName: "dev" };
  const policies = '{"limit": 9007199254740992, "rate": 1.0, "names": ["é", "b"]}';
  const { deploymentId = "", version } = await admin.bundles.publishBundle({ ...path, policies });
  const { keys } = await admin.bundles.listKeys({});
  const of = (purpose: string) =>
    keys.filter((key) => key.purpose === purpose).map(({ publicKeyPem }) => parsePublicKey(publicKeyPem));
  evidence = {
    document: (await admin.bundles.getBundleDocument({ ...path, version })).document,
    keys: of("bundles"),
    expected: { orgId, projectId, environment: "dev" },
    attestation: (await admin.runtimes.getDeploymentAttestation({ deploymentId })).attestation,
    attestationKeys: of("attestation"),
    root: null,
    nowMs: Date.now(),
  };
});

afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

async function outcomes(changes: Partial<Evidence>): Promise<Readonly<Record<string, string>>> {
  const { checks } = await verifyHere({ ...evidence, ...changes });
  return Object.fromEntries(checks.map(({ name, outcome }) => [name, outcome]));
}

const GOOD = { Form: "good", Content: "good", Signature: "good", "Identity signature": "good", Identity: "good" };

describe("verifying here", () => {
  it("finds a document of the server good, by which key, and that it is the newest", async () => {
    expect(await outcomes({})).toEqual({ ...GOOD, Activation: "good", Lease: "good" });
    const { isGood, keyId: signer } = await verifyHere(evidence);
    expect([isGood, evidence.keys.map((key) => key.keyId)]).toEqual([true, expect.arrayContaining([signer])]);
  });

  it("says that a version that was never active has no activation", async () => {
    expect(await outcomes({ attestation: null })).toEqual({ ...GOOD, Activation: "skipped" });
  });

  it.each<[string, (text: string) => string, string]>([
    ["a number is another one", (text) => text.replace("9007199254740992", "9007199254740991"), "Content"],
    ["a decimal becomes an integer", (text) => text.replace('"rate":1.0', '"rate":1'), "Content"],
    ["a key occurs twice", (text) => text.replace('"rate":1.0', '"rate":1.0,"rate":1.0'), "Form"],
    [
      "it is of another environment",
      (text) => text.replace('"environment":"dev"', '"environment":"prod"'),
      "Identity signature",
    ],
    ["its signature is cut out", (text) => text.replace(/"signature":"[^"]*",/, ""), "Signature"],
  ])("fails when %s", async (_what, tamper, check) => {
    const document = tamper(evidence.document);
    expect(document).not.toBe(evidence.document);
    const report = await verifyHere({ ...evidence, document });
    expect(report.isGood).toBe(false);
    expect(report.checks.find(({ outcome }) => outcome === "bad")?.name).toBe(check);
    // Nothing after it is said to be good.
    const after = report.checks.slice(report.checks.findIndex(({ name }) => name === check) + 1);
    expect(after.every(({ outcome }) => outcome === "skipped")).toBe(true);
    expect(report.keyId).toBeUndefined();
  });

  it("fails when what attests it is of another document or key, and says so when the lease is over", async () => {
    expect(await outcomes({ document: `${evidence.document} ` })).toMatchObject({ Activation: "bad" });
    expect(await outcomes({ attestationKeys: evidence.keys })).toMatchObject({ Activation: "bad" });
    expect(await outcomes({ nowMs: Date.now() + 3_600_000 })).toMatchObject({ Activation: "good", Lease: "skipped" });
  });

  it("counts pinned keys alone", async () => {
    const other = { bytes: new Uint8Array(32).fill(7), keyId: keyId(new Uint8Array(32).fill(7)) };
    expect(await outcomes({ keys: [other] })).toMatchObject({ Content: "good", Signature: "bad" });
  });
});

describe("a pin", () => {
  it("is an id among the server's keys, or a key", () => {
    const [key] = evidence.keys;
    const pin = parsePin(` ${key?.keyId} `);
    expect("error" in pin ? pin : pinnedKeys(pin, evidence.keys)).toEqual([key]);
    const strange = parsePin("0011223344556677");
    expect("error" in strange ? strange : pinnedKeys(strange, evidence.keys)).toEqual([]);
  });

  it.each(["", "hello", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----", "x".repeat(20_000)])(
    "is none: %j",
    (text) => {
      expect(parsePin(text)).toHaveProperty("error");
    },
  );
});

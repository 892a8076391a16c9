import { gunzipSync, gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { opaBundleOf, checkOpaArchive } from "../../src/agent/source/opa-check.js";
import { contentText, canonicalContent } from "../../src/bundle/policy-hash.js";
import { signedOpaFiles } from "../../src/bundle/opa/opa-bundle.js";
import type { OpaFile } from "../../src/bundle/opa/opa-file.js";
import { formatUstarMember, ustarEnd } from "../../src/tar/ustar.js";
import { Site } from "../attacks/trust/site.js";
import { until } from "../sdk/runtime/scripted-signet.js";
import { startAgent } from "./agents.js";

const ACTIVATION = {
  ...{ orgId: "0b0c0d0e-0000-4000-8000-000000000001", projectId: "0b0c0d0e-0000-4000-8000-000000000002" },
  ...{ environment: "prod", version: 3, sequence: 7, activatedAt: "2026-03-01T12:00:00Z" },
  policyHash: `sha256:${"a".repeat(64)}`,
};

const PLAIN = ["application/json", '{"number":1.0,"text":"\u2028é"}'] as const;
const REGO = [
  "application/vnd.openpolicyagent.bundles",
  JSON.stringify({
    files: { "app/main.rego": "package app\n", "app/data.json": '{"b":1,"a":[1.50]}', "app/x/data.yaml": "a: b\n" },
    roots: ["app"],
    rego_version: 1,
  }),
] as const;

function bundle([mediaType, policies]: readonly [string, string]) {
  const content = Buffer.from(contentText(canonicalContent(policies, "{}")));
  return (keyId: string) => opaBundleOf(ACTIVATION, mediaType, content, keyId);
}

const tarOf = (files: readonly OpaFile[]) =>
  Buffer.concat([...files.map(({ name, bytes }) => formatUstarMember(name, bytes)), ustarEnd()]);

describe.each([
  ["a plain document", PLAIN],
  ["policies of kind OPA", REGO],
])("the OPA bundle of %s", (_kind, policies) => {
  const made = bundle(policies);
  const files = signedOpaFiles(made("key-1"), new Uint8Array(64));
  const changed = (change: (file: OpaFile) => OpaFile | readonly OpaFile[]) => gzipSync(tarOf(files.flatMap(change)));

  it("is relayed when it is what the content makes", async () => {
    await expect(checkOpaArchive(gzipSync(tarOf(files)), made)).resolves.toBeUndefined();
  });

  it.each<[name: string, code: string, archive: () => Buffer]>([
    ["without signatures", "digest_mismatch", () => changed((file) => (file.name === ".signatures.json" ? [] : file))],
    [
      "with a file more",
      "digest_mismatch",
      () => changed((file) => [file, { name: `${file.name}2`, bytes: file.bytes }]),
    ],
    ["with a file less", "digest_mismatch", () => changed((file) => (file.name === ".manifest" ? [] : file))],
    [
      "with a byte changed",
      "digest_mismatch",
      () =>
        changed(({ name, bytes }) => ({
          name,
          bytes: name.endsWith("data.json") ? bytes.map((byte) => byte ^ 1) : bytes,
        })),
    ],
    [
      "with something behind it",
      "digest_mismatch",
      () => gzipSync(Buffer.concat([tarOf(files), Buffer.alloc(512, 1)])),
    ],
    [
      "of another activation",
      "digest_mismatch",
      () => gzipSync(tarOf(signedOpaFiles(bundle(["application/json", '{"other":1}'])("key-1"), new Uint8Array(64)))),
    ],
    [
      "with the signature of other files",
      "digest_mismatch",
      () => {
        const other = signedOpaFiles(bundle(["application/json", '{"other":1}'])("key-1"), new Uint8Array(64));
        const signature = other.find(({ name }) => name === ".signatures.json");
        return changed((file) => (file.name === ".signatures.json" && signature !== undefined ? signature : file));
      },
    ],
    [
      "with something else as its signature",
      "malformed",
      () =>
        changed((file) => (file.name === ".signatures.json" ? { name: file.name, bytes: Buffer.from("{}") } : file)),
    ],
    ["that unpacks to more than its files", "malformed", () => gzipSync(Buffer.alloc(64 * 1024 * 1024))],
    ["that is no gzip", "malformed", () => Buffer.from("not found")],
    ["that is empty", "digest_mismatch", () => gzipSync(Buffer.alloc(0))],
  ])("is refused %s", async (_name, code, archive) => {
    await expect(checkOpaArchive(archive(), made)).rejects.toMatchObject({ code });
  });
});

describe("an OPA behind an agent", () => {
  let site: Site;
  beforeAll(async () => {
    site = await Site.open();
    await site.publish();
  });
  afterAll(async () => {
    await site[Symbol.asyncDispose]();
  });

  it("gets the server's own archive, conditional and held", async () => {
    await using agent = await startAgent(site, { source: { keeps: ["document", "opa"] } });
    await until(() => agent.source.current !== null);
    const headers = { authorization: `Bearer ${site.token}` };
    for (const path of ["/v1/opa/bundle.tar.gz", "/v1/opa/bundles/policy"]) {
      const [own, servers] = [await agent.get(path), await fetch(`${site.signet.url}${path}`, { headers })];
      expect(own.status).toBe(200);
      expect(own.headers.get("content-type")).toBe("application/vnd.openpolicyagent.bundles");
      expect(own.headers.get("etag")).toBe(servers.headers.get("etag"));
      const bytes = Buffer.from(await own.arrayBuffer());
      expect(bytes.equals(Buffer.from(await servers.arrayBuffer()))).toBe(true);
      expect(gunzipSync(bytes).includes("signet/data.json")).toBe(true);
    }
    const etag = (await agent.get("/v1/opa/bundle.tar.gz")).headers.get("etag") ?? "";
    const asked = { "if-none-match": etag, prefer: "modes=snapshot,delta;wait=60" };
    const held = agent.get("/v1/opa/bundle.tar.gz", asked);
    const sequence = await site.publish();
    expect((await held).headers.get("signet-sequence")).toBe(String(sequence));
    const short = await agent.get("/v1/opa/bundle.tar.gz", { ...asked, "if-none-match": "*", prefer: "wait=1" });
    expect(short.status).toBe(304);
  });

  it("is in the fleet view by its status", async () => {
    await using agent = await startAgent(site);
    await until(() => agent.source.current !== null);
    const { policyHash, sequence } = agent.source.current ?? { policyHash: "", sequence: 0 };
    const status = (revision: string, more: object = {}) => ({
      labels: { id: "opa-1", version: "1.4.0" },
      bundles: { policy: { name: "policy", active_revision: revision, metrics: { timer: 1 }, ...more } },
      metrics: { prometheus: {} },
    });
    const post = async (body: object) => {
      const answer = await fetch(`${agent.url}/v1/opa/status`, { method: "POST", body: JSON.stringify(body) });
      expect(answer.status).toBe(200);
    };
    const { orgId, admin } = site.signet;
    const instance = async () => {
      const { data } = await admin.runtimes.listRuntimes({ orgId, projectId: site.projectId, envName: "dev" });
      return data.find(({ instanceId }) => instanceId === "opa-1");
    };
    await post(status(`${sequence}.${policyHash}`));
    while ((await instance())?.state !== "applied");
    expect((await instance())?.appliedSequence).toBe(sequence);
    await post(status(`${sequence}.${policyHash}`, { code: "bundle_error", message: "no\npackage" }));
    while ((await instance())?.state !== "rejected");
  });
});

import { createHash } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { decodeBase64 } from "../../../src/bundle/base64.js";
import { nobleVerifier } from "../../../src/bundle/ed25519-noble.js";
import { parsePublicKey } from "../../../src/bundle/keys.js";
import { openCheckpoint } from "../../../src/bundle/log/checkpoint.js";
import { verifyConsistency } from "../../../src/bundle/log/merkle.js";
import { parseTlogProof, verifyActivationProof } from "../../../src/bundle/log/tlog-proof.js";
import { ADMIN_TOKEN, startTestServer, type TestServer } from "../../support/server.js";

let server: TestServer;
let runtime = "";
let auditKey: Uint8Array = new Uint8Array();
beforeAll(async () => {
  server = await startTestServer();
  const environment = `${org()}/projects/${server.projectId}/envs/dev`;
  for (const limit of [1, 2, 3]) await json("POST", `${environment}/bundles/publish`, { policies: { limit } });
  const { orgId, projectId } = server;
  runtime = (await server.admin.tokens.createRuntimeToken({ orgId, projectId, environmentId: "dev" })).rawKey ?? "";
  const keys = (await json("GET", "/v1/keys")) as unknown as { purpose: string; public_key_pem: string }[];
  auditKey = parsePublicKey(keys.find(({ purpose }) => purpose === "audit")?.public_key_pem ?? "").bytes;
});
afterAll(async () => await server[Symbol.asyncDispose]());

const org = () => `/v1/orgs/${server.orgId}`;

async function call(method: string, path: string, body?: unknown, token = ADMIN_TOKEN): Promise<Response> {
  return await fetch(server.url + path, {
    method,
    headers: { "x-api-key": token, "content-type": "application/json" },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
}

async function json(
  method: string,
  path: string,
  body?: unknown,
  token = ADMIN_TOKEN,
): Promise<Record<string, unknown>> {
  const response = await call(method, path, body, token);
  expect(response.ok, `${path}: ${response.status}`).toBe(true);
  return (await response.json()) as Record<string, unknown>;
}

interface Attested {
  readonly activation: { readonly payload: string };
  readonly proof: string | null;
}

const digestOf = ({ activation }: Attested) =>
  createHash("sha256").update(Buffer.from(activation.payload, "base64")).digest("hex");

describe("the log of the audit over REST", () => {
  it("has a checkpoint for each token of the organization, which says nothing but how many events there are", async () => {
    const own = await json("GET", "/v1/audit/checkpoint", undefined, runtime);
    expect(Object.keys(own).toSorted()).toEqual(
      ["consistency", "key_id", "note", "org_id", "origin", "root_hash", "size", "verifier_key"].toSorted(),
    );
    expect(await json("GET", `${org()}/audit/checkpoint`)).toEqual(own);
    const opened = await openCheckpoint(String(own["note"]), [auditKey], nobleVerifier);
    expect([opened.origin, opened.size]).toEqual([own["origin"], own["size"]]);
    expect(decodeBase64(String(own["root_hash"]))).toEqual(opened.root);
    expect((await call("GET", `${org()}/audit/checkpoint`, undefined, runtime)).status).toBe(403);
  });

  it("proves that it begins with what a runtime has seen", async () => {
    const kept = await openCheckpoint(
      String((await json("GET", "/v1/audit/checkpoint", undefined, runtime))["note"]),
      [auditKey],
      nobleVerifier,
    );
    await json("POST", `${org()}/projects`, { name: "another" });
    const now = await json("GET", `/v1/audit/checkpoint?since=${kept.size}`, undefined, runtime);
    const opened = await openCheckpoint(String(now["note"]), [auditKey], nobleVerifier);
    const hashes = (now["consistency"] as string[]).map((it) => decodeBase64(it) ?? new Uint8Array());
    expect(opened.size).toBe(kept.size + 1);
    expect(verifyConsistency(kept, opened, hashes)).toBe(true);
    const refused = await call("GET", `/v1/audit/checkpoint?since=${opened.size + 1}`, undefined, runtime);
    expect([refused.status, await refused.json()]).toEqual([
      409,
      expect.objectContaining({ detail: expect.objectContaining({ error: "log_shorter" }) as object }),
    ]);
  });

  it.each([
    ["inclusion", 422],
    ["inclusion?event_id=0", 422],
    ["inclusion?event_id=1&activation=00", 422],
    [`inclusion?event_id=1&activation=${"0".repeat(64)}`, 422],
    ["inclusion?activation=xyz", 422],
    ["inclusion?event_id=4000", 404],
    ["inclusion?event_id=2&size=1", 404],
    ["inclusion?event_id=1&size=4000", 409],
    ["consistency", 422],
    ["consistency?older=2&newer=1", 422],
    ["consistency?older=-1", 422],
    ["consistency?older=4000", 409],
    ["consistency?older=1&newer=2", 200],
    ["checkpoint?since=4294967296", 422],
  ])("answers %s with %i", async (path, status) => {
    expect((await call("GET", `${org()}/audit/${path}`)).status).toBe(status);
  });
});

describe("an attestation with the proof of the log", () => {
  it("is verified offline, by the activation's payload and the audit's key", async () => {
    const path = "/v1/bundles/latest/attestation";
    const bare = (await json("GET", path, undefined, runtime)) as unknown as Attested;
    expect(bare.proof).toBeNull();
    const attested = (await json("GET", `${path}?proof=true`, undefined, runtime)) as unknown as Attested;
    expect(attested.activation).toEqual(bare.activation);
    const digest = digestOf(attested);
    const { origin } = await verifyActivationProof(attested.proof ?? "", digest, [auditKey], nobleVerifier);
    expect(origin).toBe(`signet.dev/audit/${server.orgId}`);
    const inclusion = await json("GET", `${org()}/audit/inclusion?activation=${digest}`);
    expect(inclusion["event_id"]).toBe(parseTlogProof(attested.proof ?? "").index + 1);
  });

  it("is there for each activation, also for one that was attested later", async () => {
    const place = { orgId: server.orgId, projectId: server.projectId, envName: "dev" };
    const ids = (await server.admin.bundles.listDeployments(place)).data.map(({ id }) => id);
    expect(ids.length).toBe(3);
    for (const id of ids) {
      const path = `/v1/deployments/${id}/attestation`;
      const attested = (await json("GET", `${path}?proof=true`)) as unknown as Attested;
      await verifyActivationProof(attested.proof ?? "", digestOf(attested), [auditKey], nobleVerifier);
      expect(((await json("GET", path)) as unknown as Attested).proof).toBeNull();
    }
  });
});

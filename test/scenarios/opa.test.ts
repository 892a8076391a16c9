import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readArchive, verifiedClaims } from "../support/opa-archive.js";
import { startTestServer, type TestServer } from "../support/server.js";
import { aRoot, publicKeyOf, rootEnvelope, testKey } from "../support/trust.js";
import { createTestProject, type TestProject } from "./project.js";

let server: TestServer;
let publicKeyPem: string;
let projects = 0;
beforeAll(async () => {
  server = await startTestServer();
  const { keys } = await server.admin.bundles.listKeys({ purpose: "opa" });
  publicKeyPem = keys[0]?.publicKeyPem ?? "";
});
afterAll(() => server[Symbol.asyncDispose]());

/** As OPA sends it (`download/download.go`). */
const PREFER = "modes=snapshot,delta";
const WAIT = `${PREFER};wait=60`;

type HeaderList = Readonly<Record<string, string>>;

async function open() {
  const project = await createTestProject(server, `opa-${(projects += 1)}`);
  const token = project.runtimeToken.dev;
  const call = async (path: string, init: RequestInit & { headers?: HeaderList } = {}) => {
    const headers = { Authorization: `Bearer ${token}`, ...init.headers };
    return await fetch(`${server.url}/v1/opa/${path}`, { ...init, headers });
  };
  return { project, call, bundle: (headers: HeaderList = {}) => call("bundle.tar.gz", { headers }) };
}

/** Some round trips: what was sent before them has arrived and is held. */
async function roundTrips(): Promise<void> {
  for (let trips = 0; trips < 10; trips += 1) await server.admin.tokens.whoAmI({});
}

async function publishRoot({ place }: TestProject): Promise<void> {
  const { orgId, projectId } = place.dev;
  const { serverKeys } = await server.admin.trust.getTrust({ orgId, projectId });
  const [owner, author] = [testKey("owner"), testKey("author")];
  const root = aRoot({
    ...{ orgId, projectId, owner, authors: [author] },
    server: publicKeyOf(serverKeys[0]?.publicKey ?? ""),
  });
  await server.admin.trust.publishRoot({ orgId, projectId, envelope: await rootEnvelope(root, owner) });
}

describe("the bundle", () => {
  it("is the signed archive of what is active", async () => {
    const { project, bundle } = await open();
    const policies = '{"limit":9007199254740991,"ratio":1.0,"say":"\\u2028\\ud83d\\ude00<&>"}';
    await server.admin.bundles.publishBundle({ ...project.place.dev, policies });

    const answer = await bundle({ Prefer: PREFER });

    expect(answer.status).toBe(200);
    expect(answer.headers.get("content-type")).toBe("application/vnd.openpolicyagent.bundles");
    const files = readArchive(Buffer.from(await answer.arrayBuffer()));
    const { header, scope, iss } = verifiedClaims(files, publicKeyPem);
    expect({ header, scope, iss }).toEqual({
      header: { alg: "ES256", typ: "JWT", kid: expect.stringMatching(/^[0-9a-f]{16}$/) as string },
      ...{ scope: `${project.projectId}/dev`, iss: "signet" },
    });
    expect([...files.keys()]).toEqual([".manifest", ".signatures.json", "signet/data.json"]);
    expect(String(files.get("signet/data.json"))).toBe(
      '{"policies":{"limit":9007199254740991,"ratio":1.0,"say":"\\u2028😀<&>"},"scope_policies":{}}',
    );
    const manifest = JSON.parse(String(files.get(".manifest"))) as { revision: string; metadata: { signet: object } };
    const [, policyHash = "", sequence = ""] =
      /^"(sha256:[0-9a-f]{64})\.(\d+)"$/.exec(answer.headers.get("etag") ?? "") ?? [];
    expect(manifest).toEqual({
      revision: `${sequence}.${policyHash}`,
      roots: ["signet"],
      rego_version: 1,
      metadata: {
        signet: {
          ...{ org: server.orgId, project: project.projectId, environment: "dev" },
          ...{ version: 1, policy_hash: policyHash, sequence: Number(sequence) },
        },
      },
    });
  });

  it("of Rego files has them, with their roots", async () => {
    const { project, bundle } = await open();
    const module = 'package shop.authz\n\nallow if input.user == "é"\n';
    const policies = JSON.stringify({
      files: { "shop/authz.rego": module, "shop/data.yaml": "limits:\n  day: 1.50\n" },
      roots: ["shop"],
    });
    const mediaType = "application/vnd.openpolicyagent.bundles";
    await server.admin.bundles.publishBundle({ ...project.place.dev, policies, mediaType });

    const files = readArchive(Buffer.from(await (await bundle()).arrayBuffer()));

    verifiedClaims(files, publicKeyPem);
    expect(Object.fromEntries([...files].map(([name, bytes]) => [name, String(bytes)]))).toMatchObject({
      "shop/authz.rego": module,
      "shop/data.yaml": '{"limits":{"day":1.50}}',
    });
    expect(JSON.parse(String(files.get(".manifest")))).toMatchObject({ roots: ["shop"], rego_version: 1 });
  });

  it("is the same under OPA's default path, and for HEAD without the body", async () => {
    const { project, call, bundle } = await open();
    await project.publish("dev", 1);
    const bytes = Buffer.from(await (await bundle()).arrayBuffer());

    const other = await call("bundles/policy");
    const head = await call("bundle.tar.gz", { method: "HEAD" });

    expect(Buffer.from(await other.arrayBuffer()).equals(bytes)).toBe(true);
    expect(head.status).toBe(200);
    expect(head.headers.get("content-length")).toBe(String(bytes.length));
  });

  it("has another identity after a promotion, and a new revision after a rollback", async () => {
    const { project, bundle } = await open();
    await project.publish("dev", 1);
    const { promoteBundle, activateBundle } = server.admin.bundles;
    await promoteBundle({ ...project.place.dev, sourceEnv: "dev" });
    const ofStaging = await fetch(`${server.url}/v1/opa/bundle.tar.gz`, {
      headers: { Authorization: `Bearer ${project.runtimeToken.staging}` },
    });
    const files = readArchive(Buffer.from(await ofStaging.arrayBuffer()));
    expect(verifiedClaims(files, publicKeyPem).scope).toBe(`${project.projectId}/staging`);

    const etag = async () => (await bundle()).headers.get("etag");
    const first = await etag();
    await project.publish("dev", 2);
    await activateBundle({ ...project.place.dev, version: 1 });
    expect(await etag()).not.toBe(first);
  });

  it("is made once for all that ask at the same time", async () => {
    const { project, bundle } = await open();
    await project.publish("dev", 1, 400_000);

    const answers = await Promise.all(Array.from({ length: 100 }, () => bundle()));
    const bodies = await Promise.all(answers.map(async (answer) => Buffer.from(await answer.arrayBuffer())));

    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    expect(bodies.every((body) => body.equals(bodies[0] ?? Buffer.alloc(0)))).toBe(true);
  });
});

describe("polls", () => {
  it("answers 304 with the tag, and without a media type", async () => {
    const { project, bundle } = await open();
    await project.publish("dev", 1);
    const etag = (await bundle()).headers.get("etag") ?? "";

    const answer = await bundle({ "If-None-Match": etag, Prefer: PREFER });

    expect(answer.status).toBe(304);
    expect(answer.headers.get("etag")).toBe(etag);
    expect(answer.headers.get("content-type")).toBeNull();
    expect(await answer.text()).toBe("");
  });

  it("holds a poll until something else is active, and answers with it", async () => {
    const { project, bundle } = await open();
    await project.publish("dev", 1);
    const etag = (await bundle()).headers.get("etag") ?? "";

    const held = bundle({ "If-None-Match": etag, Prefer: WAIT });
    await roundTrips();
    await project.publish("dev", 2);

    const answer = await held;
    expect(answer.status).toBe(200);
    expect(answer.headers.get("preference-applied")).toBe("wait=60");
    expect(answer.headers.get("etag")).not.toBe(etag);
  });

  it("answers 304 at the end of the wait", async () => {
    const { project, bundle } = await open();
    await project.publish("dev", 1);
    const etag = (await bundle()).headers.get("etag") ?? "";

    const answer = await bundle({ "If-None-Match": etag, Prefer: `${PREFER};wait=1` });

    expect(answer.status).toBe(304);
    expect(answer.headers.get("preference-applied")).toBe("wait=1");
  });

  it("holds a poll that is up to date when the project gets a root document", async () => {
    const { project, bundle } = await open();
    await project.publish("dev", 1);
    const etag = (await bundle()).headers.get("etag") ?? "";
    let isAnswered = false;
    const held = bundle({ "If-None-Match": etag, Prefer: WAIT }).finally(() => (isAnswered = true));
    await roundTrips();

    await publishRoot(project);
    await roundTrips();

    expect(isAnswered).toBe(false);
    await project.publish("dev", 2);
    expect((await held).status).toBe(200);
  });

  it("answers 404 after the wait while nothing is active, and at once with the first publication", async () => {
    const { project, bundle } = await open();
    const none = await bundle({ Prefer: `${PREFER};wait=1` });
    expect(none.status).toBe(404);

    const held = bundle({ Prefer: WAIT });
    await roundTrips();
    await project.publish("dev", 1);
    expect((await held).status).toBe(200);
  });

  it("ends a held poll when its token is revoked", async () => {
    const { project, bundle } = await open();
    await project.publish("dev", 1);
    const etag = (await bundle()).headers.get("etag") ?? "";
    const held = bundle({ "If-None-Match": etag, Prefer: WAIT });
    await roundTrips();

    await server.admin.tokens.revokeToken({ orgId: server.orgId, keyId: await project.runtimeTokenId("dev") });

    expect((await held).status).toBe(401);
  });

  it("ends held polls with 503 when the server stops", async () => {
    const own = await startTestServer();
    const { projectId } = own;
    const created = await own.admin.organizations.createProject({ orgId: own.orgId, name: "stopping" });
    const token = created.runtimeKeys.find(({ envName }) => envName === "dev")?.rawKey ?? "";
    expect(projectId).not.toBe("");
    const held = fetch(`${own.url}/v1/opa/bundle.tar.gz`, {
      headers: { Authorization: `Bearer ${token}`, Prefer: WAIT },
    });
    for (let trips = 0; trips < 10; trips += 1) await own.admin.tokens.whoAmI({});
    const stopped = own[Symbol.asyncDispose]();
    const answer = await held;
    expect(answer.status).toBe(503);
    expect(Number(answer.headers.get("retry-after"))).toBeGreaterThanOrEqual(0);
    await stopped;
  });
});

describe("the status", () => {
  const instances = async (project: TestProject) =>
    (await server.admin.runtimes.listRuntimes(project.place.dev)).data.map((it) => ({
      id: it.instanceId,
      ...{ state: it.state, applied: it.appliedSequence, reason: it.reason, agent: it.agent, labels: it.labels },
    }));
  const status = (bundle: object, id = "opa-1") => ({
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({
      labels: { id, version: "1.9.0", region: "eu" },
      bundles: { policy: bundle },
      metrics: { prometheus: { large: 18446744073709551615n.toString() } },
    }),
  });
  const revisionOf = async (answer: Response) =>
    (JSON.parse(String(readArchive(Buffer.from(await answer.arrayBuffer())).get(".manifest"))) as { revision: string })
      .revision;

  it("of an active revision is applied in the fleet view", async () => {
    const { project, call, bundle } = await open();
    const sequence = await project.publish("dev", 1);
    const active_revision = await revisionOf(await bundle());

    expect((await call("status", status({ name: "policy", active_revision }))).status).toBe(200);
    expect((await call("status/partition-1", status({ active_revision }, "opa-2"))).status).toBe(200);

    const seen = {
      state: "applied",
      applied: sequence,
      reason: undefined,
      agent: "opa/1.9.0",
      labels: { region: "eu" },
    };
    expect(await instances(project)).toEqual(
      expect.arrayContaining([
        { id: "opa-1", ...seen },
        { id: "opa-2", ...seen },
      ]),
    );
  });

  it("of an error is rejected, with the reason on one line", async () => {
    const { project, call, bundle } = await open();
    const applied = await project.publish("dev", 1);
    const active_revision = await revisionOf(await bundle());
    await call("status", status({ active_revision }));
    await project.publish("dev", 2);
    const errors = [
      { code: "rego_type_error", message: "undefined\u001b[31m function f", location: { file: "a.rego", row: 3 } },
    ];

    await call("status", status({ active_revision, code: "bundle_error", message: "error(s) occurred", errors }));

    expect(await instances(project)).toEqual([
      expect.objectContaining({
        ...{ id: "opa-1", state: "rejected", applied },
        reason: "error(s) occurred; a.rego:3: rego_type_error: undefined [31m function f",
      }),
    ]);
  });

  it("of an error on the way is no rejection", async () => {
    const { project, call, bundle } = await open();
    const applied = await project.publish("dev", 1);
    const active_revision = await revisionOf(await bundle());

    for (const error of [
      { code: "bundle_error", http_code: "503", message: "server replied with Service Unavailable" },
      { code: "bundle_error", message: 'request failed: Get "http://…": connection refused' },
    ])
      await call("status", status({ active_revision, ...error }));

    expect(await instances(project)).toEqual([expect.objectContaining({ state: "applied", applied })]);
  });

  it("of another environment's bundle, of none, and of any other form is a sign of life", async () => {
    const { project, call } = await open();
    await project.publish("dev", 1);
    const other = `1.sha256:${"0".repeat(64)}`;

    const answers = [
      await call("status", status({ active_revision: other }, "a")),
      await call("status", status({ active_revision: "v1.2" }, "b")),
      await call("status", { method: "POST", body: '{"labels":{"id":"c"},"bundles":[1],"bundle":7}' }),
      await call("status", { method: "POST", body: "[]" }),
      await call("status", { method: "POST" }),
    ];

    expect(answers.map((answer) => answer.status)).toEqual([200, 200, 200, 200, 200]);
    const seen = await instances(project);
    expect(seen.map(({ id }) => id.replace(/@.*/, "")).sort()).toEqual(["a", "b", "c", "opa"]);
    expect(new Set(seen.map(({ state }) => state))).toEqual(new Set(["connected"]));
  });

  it("that is no JSON is refused", async () => {
    const { call } = await open();
    expect((await call("status", { method: "POST", body: "{" })).status).toBe(400);
  });
});

describe("decision logs", () => {
  it("are counted, gzipped or not", async () => {
    const { call } = await open();
    const text = '[{"decision_id":"1","input":{"n":990000000262240065,"n":1}},{"decision_id":"2"}]';
    const headers = { "Content-Type": "application/json" };

    const plain = await call("logs", { method: "POST", headers, body: text });
    const zipped = await call("logs/p", {
      method: "POST",
      headers: { ...headers, "Content-Encoding": "gzip" },
      body: gzipSync(text),
    });

    expect([await plain.json(), await zipped.json()]).toEqual([{ accepted: 2 }, { accepted: 2 }]);
  });

  it("beyond 4 MiB are refused, also when they were small before they were decompressed", async () => {
    const { call } = await open();
    const body = gzipSync(`[${" ".repeat(5 * 1024 * 1024)}]`);
    const answer = await call("logs", { method: "POST", headers: { "Content-Encoding": "gzip" }, body });
    expect(answer.status).toBe(413);
  });

  it("that are no array are refused", async () => {
    const { call } = await open();
    expect((await call("logs", { method: "POST", body: "{}" })).status).toBe(422);
    expect((await call("logs", { method: "POST", body: "nothing" })).status).toBe(400);
  });
});

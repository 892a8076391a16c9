import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ADMIN_TOKEN, startTestServer, type TestServer } from "../support/server.js";
import { hasCurl } from "./drivers/curl.js";
import { createTestProject, type TestProject } from "./project.js";
import { bare, envPath, expectErrorBody, fingerprint, shellAs, type Shell } from "./shell.js";

const BUNDLE_KEYS = [
  ...[
    "activated_at",
    "change",
    "deployment_id",
    "description",
    "id",
    "is_active",
    "labels",
    "media_type",
    "origin",
    "policy_hash",
    "published_at",
  ],
  ...["published_by", "replaced_at", "sequence", "source", "title", "version", "warnings"],
];

describe.skipIf(!hasCurl)("a documented request of a shell", () => {
  let server: TestServer;
  let admin: Shell;
  let project: TestProject;
  let projects = 0;
  beforeAll(async () => {
    server = await startTestServer();
    admin = shellAs(server);
  });
  afterAll(() => server[Symbol.asyncDispose]());
  const fresh = async () => (project = await createTestProject(server, `shell-${(projects += 1)}`));
  const dev = (rest = "") => `${envPath(server, project, "dev")}${rest}`;
  const publish = (body: string, ...args: string[]) => admin(dev("/bundles/publish"), "-d", body, ...args);

  it("publishes with -d and nobody's content type, and every field is there", async () => {
    await fresh();
    const answer = await publish('{"policies":{"pii":{"enabled":true}},"published_by":"ci-bot","unknown":[1]}');
    expect(answer.status).toBe(200);
    expect(Object.keys(answer.json as object).sort()).toEqual(BUNDLE_KEYS);
    expect(answer.json).toMatchObject({ version: 1, is_active: true, published_by: "ci-bot", sequence: 1 });
    expect(answer.json).toMatchObject({ title: null, description: null, labels: {}, source: null });
    const { id, policy_hash, published_at } = answer.json as Record<string, string>;
    expect(id).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
    expect(policy_hash).toMatch(/^sha256:[0-9a-f]{64}$/);
    expect(published_at).toMatch(/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?Z$/);
  });

  it.each([
    ["application/json"],
    ["application/json; charset=utf-8"],
    ["application/vnd.policy+json"],
    [""],
    ["application/x-www-form-urlencoded"],
  ])("is JSON under the content type %j", async (type) => {
    await fresh();
    const answer = await publish('{"policies":{}}', "-H", type === "" ? "Content-Type:" : `Content-Type: ${type}`);
    expect(answer.status).toBe(200);
  });

  it.each(["text/plain", "application/xml", "multipart/form-data; boundary=x", "application/json; charset=utf-16"])(
    "is 415 under the content type %s",
    async (type) => {
      await fresh();
      const before = await fingerprint(server, project);
      expectErrorBody(await publish('{"policies":{}}', "-H", `Content-Type: ${type}`), 415);
      expect(await fingerprint(server, project)).toEqual(before);
    },
  );

  it("promotes without a body and without a type, and activates so", async () => {
    await fresh();
    await publish('{"policies":{}}');
    const promoted = await admin(dev("/promote"), "-X", "POST");
    expect([promoted.status, promoted.json]).toMatchObject([
      200,
      { version: 1, origin: "promote", published_by: null },
    ]);
    const again = await admin(dev("/promote"), "-X", "POST", "-d", '{"promoted_by":"rita"}');
    expect(again.json).toMatchObject({ version: 2, published_by: "rita" });
    const staging = `${envPath(server, project, "staging")}/bundles/1/activate`;
    expect((await admin(staging, "-X", "POST")).json).toMatchObject({ version: 1, sequence: 3 });
    for (const body of ["", " \n", "{}"]) expect((await admin(staging, "-d", body)).status).toBe(200);
  });

  it("authenticates with either header; X-API-Key wins, and a bad one does not fall back", async () => {
    const bearer = (token: string) => ["-H", `Authorization: Bearer ${token}`];
    const key = (token: string) => ["-H", `X-API-Key: ${token}`];
    const good = ADMIN_TOKEN;
    const cases: [string, string[], number][] = [
      ["bearer", bearer(good), 200],
      ["lower case scheme", ["-H", `authorization: bearer ${good}`], 200],
      ["key", key(good), 200],
      ["both good", [...bearer(good), ...key(good)], 200],
      ["key good", [...bearer("bad"), ...key(good)], 200],
      ["key bad", [...bearer(good), ...key("bad")], 401],
      ["key empty", [...bearer(good), "-H", "X-API-Key;"], 401],
      ["key twice", [...key(good), ...key(good)], 401],
      ["bearer twice", [...bearer(good), ...bearer(good)], 401],
      ["basic", ["-u", `x:${good}`], 401],
      ["cookie", ["-H", `Cookie: token=${good}; X-API-Key=${good}`], 401],
      ["none", [], 401],
    ];
    for (const [name, args, status] of cases) {
      const answer = await bare(server, "/v1/whoami", ...args);
      expect(answer.status, name).toBe(status);
      if (status === 401) {
        expectErrorBody(answer, 401, name);
        expect(answer.headers.get("www-authenticate"), name).toBe("Bearer");
        expect(answer.text, name).not.toContain(good);
      }
    }
    const query = await bare(server, `/v1/whoami?access_token=${good}&api_key=${good}&x-api-key=${good}`);
    expectErrorBody(query, 401);
  });

  it("creates a project: 200, with environments and keys that are shown once", async () => {
    const created = await admin(`/v1/orgs/${server.orgId}/projects`, "-d", '{"name":"Made by a shell"}');
    expect(created.status).toBe(200);
    const body = created.json as {
      id: string;
      environments: { name: string; id: string }[];
      runtime_keys: Record<string, string>[];
    };
    expect(Object.keys(body).sort()).toEqual([
      ...["created_at", "environments", "id", "name", "org_id", "runtime_keys", "runtime_keys_created", "slug"],
    ]);
    expect(body).toMatchObject({ name: "Made by a shell", slug: "made-by-a-shell", runtime_keys_created: 3 });
    expect(body.environments).toMatchObject([
      { name: "dev", promotes_to: "staging", active_version: null },
      { name: "staging", promotes_to: "prod", active_version: null },
      { name: "prod", promotes_to: null, active_version: null },
    ]);
    expect(body.runtime_keys.map(({ env_name }) => env_name)).toEqual(["dev", "staging", "prod"]);
    for (const [at, key] of body.runtime_keys.entries()) {
      expect(Object.keys(key).sort()).toEqual(["env_id", "env_name", "expires_at", "key_prefix", "raw_key"]);
      expect([key["env_id"], key["expires_at"]]).toEqual([body.environments[at]?.id, null]);
      expect(key["raw_key"]?.startsWith(key["key_prefix"] ?? "?")).toBe(true);
    }
    const shown = await admin(`/v1/orgs/${server.orgId}/projects/${body.id}`);
    const tokens = await admin(`/v1/orgs/${server.orgId}/tokens?project_id=${body.id}`);
    for (const key of body.runtime_keys) {
      expect(shown.text + tokens.text).not.toContain(key["raw_key"]);
    }
    expect(shown.json).not.toHaveProperty("runtime_keys");
  });

  it("PATCH: null clears, absent leaves", async () => {
    const path = `/v1/orgs/${server.orgId}`;
    const patch = (body: string) => admin(path, "-X", "PATCH", "-d", body);
    expect((await patch('{"industry":"banking","company_size":"11-50"}')).json).toMatchObject({
      ...{ industry: "banking", company_size: "11-50" },
    });
    expect((await patch('{"industry":null}')).json).toMatchObject({ industry: null, company_size: "11-50" });
    expect((await patch("{}")).json).toMatchObject({ industry: null, company_size: "11-50" });
    await fresh();
    const environment = `/v1/orgs/${server.orgId}/projects/${project.projectId}/environments/dev`;
    const change = async (body: string) => (await admin(environment, "-X", "PATCH", "-d", body)).json;
    expect(await change('{"position":7}')).toMatchObject({ position: 7, promotes_to: "staging" });
    expect(await change('{"promotes_to":null}')).toMatchObject({ position: 7, promotes_to: null });
    expect(await change('{"promotes_to":"prod"}')).toMatchObject({ position: 7, promotes_to: "prod" });
    expect(await change("")).toMatchObject({ position: 7, promotes_to: "prod" });
  });

  it("lists: bare arrays with X-Total-Count, pages with data, total, limit and offset", async () => {
    await fresh();
    for (const n of [1, 2, 3]) await publish(`{"policies":{"n":${n}}}`);
    const bundles = await admin(dev("/bundles?limit=2"));
    expect((bundles.json as { version: number }[]).map(({ version }) => version)).toEqual([3, 2]);
    expect(bundles.headers.get("x-total-count")).toBe("3");
    for (const bundle of bundles.json as object[]) expect(Object.keys(bundle).sort()).toEqual(BUNDLE_KEYS);
    const older = await admin(dev("/bundles?before_version=2"));
    expect((older.json as { version: number }[]).map(({ version }) => version)).toEqual([1]);
    const bareLists = ["/projects", `/projects/${project.projectId}/environments`, "/tokens", "/audit"];
    for (const path of bareLists) {
      const list = await admin(`/v1/orgs/${server.orgId}${path}`);
      expect(Array.isArray(list.json), path).toBe(true);
      expect(Number(list.headers.get("x-total-count")), path).toBe((list.json as unknown[]).length);
    }
    const page = await admin(dev("/deployments?limit=2&offset=1"));
    expect(page.json).toMatchObject({ total: 3, limit: 2, offset: 1, data: [{ sequence: 2 }, { sequence: 1 }] });
    expect(Object.keys(page.json as object).sort()).toEqual(["data", "limit", "offset", "total"]);
    for (const path of [dev("/runtimes"), "/v1/orgs"]) {
      expect((await admin(path)).json, path).toMatchObject({ limit: 25, offset: 0 });
    }
    for (const bad of ["limit=0", "limit=101", "limit=1e1", "limit=+5", "offset=-1", "limit="]) {
      expectErrorBody(await admin(dev(`/deployments?${bad}`)), 422, bad);
    }
  });

  it("a request id is echoed in the header and in the error, or made", async () => {
    const given = await bare(server, "/v1/whoami", "-H", "X-Request-Id: build-42");
    expectErrorBody(given, 401);
    expect(given.json).toMatchObject({ requestId: "build-42" });
    const made = await bare(server, "/v1/whoami");
    expectErrorBody(made, 401);
    expect(made.headers.get("x-request-id")).not.toBe("build-42");
    expect((await admin("/v1/whoami", "-H", "X-Request-Id: build-43")).headers.get("x-request-id")).toBe("build-43");
  });

  it("a runtime's: heartbeat, telemetry, and a claim that makes it stop asking", async () => {
    await fresh();
    await publish('{"policies":{}}');
    const runtime = shellAs(server, project.runtimeToken.dev);
    const latest = await runtime("/v1/bundles/latest");
    const beat = {
      ...{
        runtime_version: "1.2.0",
        mode: "managed",
        reporter: "pod-1",
        models: ["m", { a: 1 }],
        sidecar_version: null,
      },
      ...{ bundle_etag: latest.headers.get("etag"), env: { region: "eu" }, policy_hash: "x", bundle_id: "y", more: 1 },
    };
    const heartbeat = await runtime("/v1/inference/heartbeat", "-d", JSON.stringify(beat));
    expect([heartbeat.status, heartbeat.json]).toEqual([200, { status: "ok" }]);
    expect((await runtime("/v1/inference/heartbeat", "-X", "POST")).status).toBe(200);
    const events = await runtime("/v1/telemetry/events", "-d", '{"events":[{"a":1},{"a":2}]}');
    expect([events.status, events.json]).toEqual([202, { accepted: 2 }]);
    expect((await runtime("/v1/telemetry/events", "-d", "[{},{},{}]")).json).toEqual({ accepted: 3 });
    expectErrorBody(await runtime("/v1/benchmarks/claim", "-d", '{"x":1}'), 404);
    const status = await runtime("/v1/runtimes/status", "-d", '{"instance_id":"i","state":"applied","sequence":1}');
    expect([status.status, status.json]).toEqual([200, { newest_sequence: 1 }]);
    const seen = await admin(dev("/runtimes"));
    // The one that named nobody has a row too.
    expect(seen.json).toMatchObject({ total: 3 });
    const { data } = seen.json as { data: { instance_id: string }[] };
    expect(data.filter(({ instance_id }) => instance_id.startsWith("pod-1"))).toHaveLength(1);
    expectErrorBody(await admin("/v1/inference/heartbeat", "-d", "{}"), 403);
  });

  it("405 with Allow, 404 for what is no path, for everybody alike", async () => {
    const refused = await admin("/v1/whoami", "-X", "DELETE");
    expectErrorBody(refused, 405);
    expect(refused.headers.get("allow")).toMatch(/GET/);
    for (const path of ["/v1/nothing", "/v1/whoami/", "/v1//whoami", "/V1/whoami", "/"]) {
      expectErrorBody(await admin(path), 404, path);
    }
  });

  it("health needs no token", async () => {
    const health = await bare(server, "/healthz");
    expect([health.status, health.json]).toMatchObject([200, { status: "ok", version: expect.stringMatching(/\d/) }]);
    expect((await bare(server, "/readyz")).status).toBe(200);
  });
});

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startTestServer, type TestServer } from "../support/server.js";
import { hasCurl } from "./drivers/curl.js";
import { createTestProject, type TestProject } from "./project.js";
import { envPath, expectErrorBody, fingerprint, shellAs, type Shell } from "./shell.js";

const NOBODY = "00000000-0000-4000-8000-000000000000";

describe.skipIf(!hasCurl)("a documented refusal", () => {
  let server: TestServer;
  let admin: Shell;
  let project: TestProject;
  beforeAll(async () => {
    server = await startTestServer({ SIGNET_MAX_BODY_BYTES: "20000" });
    admin = shellAs(server);
    project = await createTestProject(server, "refusals");
    for (const n of [1, 2]) await project.publish("dev", n);
  });
  afterAll(() => server[Symbol.asyncDispose]());
  const dev = (rest = "") => `${envPath(server, project, "dev")}${rest}`;
  const orgs = (rest = "") => `/v1/orgs/${server.orgId}${rest}`;
  const big = JSON.stringify({ policies: { filler: "x".repeat(20_000) } });

  it.each<[string, number, () => [string, ...string[]], string?]>([
    ["policies missing", 422, () => [dev("/bundles/publish"), "-d", "{}"], "policies"],
    ["no body at all", 422, () => [dev("/bundles/publish"), "-X", "POST"], "policies"],
    ["policies null", 422, () => [dev("/bundles/publish"), "-d", '{"policies":null}'], "policies"],
    ["policies an array", 422, () => [dev("/bundles/publish"), "-d", '{"policies":[]}'], "policies"],
    ["policies a text", 422, () => [dev("/bundles/publish"), "-d", '{"policies":"{}"}'], "policies"],
    ["policies a number", 422, () => [dev("/bundles/publish"), "-d", '{"policies":1}'], "policies"],
    ["a body that is no object", 422, () => [dev("/bundles/publish"), "-d", "[1]"]],
    ["a title that is a number", 422, () => [dev("/bundles/publish"), "-d", '{"policies":{},"title":1}'], "title"],
    [
      "a scope of three parts",
      422,
      () => [dev("/bundles/publish"), "-d", '{"policies":{},"scope_policies":{"a:b:c":{}}}'],
    ],
    ["a body that is no JSON", 400, () => [dev("/bundles/publish"), "-d", "policies=1"]],
    ["a body over the limit", 413, () => [dev("/bundles/publish"), "-d", big]],
    ["promotion from the last stage", 400, () => [`${envPath(server, project, "prod")}/promote`, "-X", "POST"]],
    ["nothing active in the source", 404, () => [`${envPath(server, project, "staging")}/promote`, "-X", "POST"]],
    ["promotion from an unknown stage", 404, () => [`${envPath(server, project, "qa")}/promote`, "-X", "POST"]],
    ["activation of an unknown version", 404, () => [dev("/bundles/9/activate"), "-X", "POST"]],
    ["deletion of the active version", 409, () => [dev("/bundles/2"), "-X", "DELETE"]],
    ["deletion of an unknown version", 404, () => [dev("/bundles/9"), "-X", "DELETE"]],
    ["an unknown bundle", 404, () => [dev("/bundles/9")]],
    ["an unknown bundle's difference", 404, () => [dev("/bundles/1/diff/9")]],
    ["an unknown environment", 404, () => [`${envPath(server, project, "qa")}/bundles`]],
    ["an unknown project", 404, () => [orgs(`/projects/${NOBODY}/envs/dev/bundles`)]],
    ["a project that is no UUID", 404, () => [orgs("/projects/x/envs/dev/bundles")]],
    ["an unknown deployment", 404, () => [`/v1/deployments/${NOBODY}`]],
    ["a project without a name", 422, () => [orgs("/projects"), "-d", "{}"], "name"],
    ["a ci token without a project", 422, () => [orgs("/tokens/ci"), "-d", "{}"], "project_id"],
    ["a ci token of an unknown project", 404, () => [orgs("/tokens/ci"), "-d", `{"project_id":"${NOBODY}"}`]],
    ["expiry of 0 days", 422, () => [orgs("/tokens/admin"), "-d", '{"expires_in_days":0}'], "expires_in_days"],
    ["expiry of -1 days", 422, () => [orgs("/tokens/admin"), "-d", '{"expires_in_days":-1}'], "expires_in_days"],
    ["rotation of an unknown token", 404, () => [orgs("/tokens/4294967295/rotate"), "-X", "POST"]],
    ["revocation of an unknown token", 404, () => [orgs("/tokens/4294967295"), "-X", "DELETE"]],
    ["a token id that is no integer", 422, () => [orgs("/tokens/abc"), "-X", "DELETE"], "key_id"],
    ["a filter that a list does not know", 422, () => [orgs("/tokens?keytype=ci")], "keytype"],
    ["an unknown key type", 422, () => [orgs("/tokens?key_type=root")], "key_type"],
    [
      "the environment's name in capitals",
      422,
      () => [orgs(`/projects/${project.projectId}/environments`), "-d", '{"name":"QA"}'],
      "name",
    ],
    [
      "a stage that leads back",
      422,
      () => [orgs(`/projects/${project.projectId}/environments/prod`), "-X", "PATCH", "-d", '{"promotes_to":"dev"}'],
      "promotes_to",
    ],
    ["an If-Match that is no sequence", 422, () => [dev("/promote"), "-X", "POST", "-H", "If-Match: 1"]],
    [
      "an Idempotency-Key of 256",
      422,
      () => [dev("/promote"), "-X", "POST", "-H", `Idempotency-Key: ${"k".repeat(256)}`],
    ],
  ])("%s: %i", async (name, status, request, field) => {
    const before = await fingerprint(server, project);
    const answer = await admin(...request());
    expectErrorBody(answer, status, name);
    if (field !== undefined) {
      const { detail } = answer.json as { detail: { loc: string[] }[] };
      expect(detail.map(({ loc }) => loc[1])).toContain(field);
    }
    expect(await fingerprint(server, project)).toEqual(before);
  });

  it.each(["1e2", "0x10", "+3", "abc", "-1", "01", "1.0", "4294967296", "%201"])(
    "a version %s that is not in plain decimal digits: 422",
    async (version) => {
      const before = await fingerprint(server, project);
      for (const path of [dev(`/bundles/${version}`), dev(`/bundles/1/diff/${version}`)]) {
        expectErrorBody(await admin(path), 422, path);
      }
      const activation = await admin(dev(`/bundles/${version}/activate`), "-X", "POST");
      expectErrorBody(activation, 422, version);
      expect((activation.json as { detail: { loc: string[] }[] }).detail[0]?.loc).toEqual(["path", "version"]);
      expect(await fingerprint(server, project)).toEqual(before);
    },
  );

  it("another kind of token, another organization, another project: 403, 403 (404 by slug) and 404, existing or not", async () => {
    const { orgId } = server;
    const other = await createTestProject(server, "refusals other");
    const ci = shellAs(server, (await server.admin.tokens.createCiToken({ orgId, ...other })).rawKey);
    const runtime = shellAs(server, project.runtimeToken.dev);
    const before = await fingerprint(server, project);
    const publication = ["-d", '{"policies":{}}'];
    expectErrorBody(await runtime(dev("/bundles/publish"), ...publication), 403);
    expectErrorBody(await runtime(dev("/bundles/publish"), "-d", "not json"), 403);
    expectErrorBody(await admin(`/v1/orgs/${NOBODY}/audit`), 403);
    // A slug or name that is not the token's own is one that does not exist.
    expectErrorBody(await admin("/v1/orgs/x/audit"), 404);
    const hidden = await ci(dev("/bundles/publish"), ...publication);
    const absent = await ci(dev("/bundles/publish").replace(project.projectId, NOBODY), ...publication);
    for (const answer of [hidden, absent]) expectErrorBody(answer, 404);
    const blind = ({ json }: { json: unknown }) => ({ ...(json as object), requestId: "" });
    expect(blind(hidden)).toEqual(blind(absent));
    const staging = await runtime(`${envPath(server, project, "staging")}/bundles`);
    expect(blind(staging)).toEqual(blind(await runtime(`${envPath(server, project, "nowhere")}/bundles`)));
    expect(await fingerprint(server, project)).toEqual(before);
  });

  it("tokens: 201 with the raw key once, 409 runtime_key_exists, 422 without an environment", async () => {
    const { projectId: project_id, environmentId } = project;
    const make = (kind: string, body: object) => admin(orgs(`/tokens/${kind}`), "-d", JSON.stringify(body));
    for (const [kind, body] of [
      ["admin", { expires_in_days: 30 }],
      ["ci", { project_id, environments: ["dev"] }],
      ["runtime", { project_id, environment_id: environmentId.dev, name: "second" }],
    ] as const) {
      const made = await make(kind, body);
      expect(made.status, kind).toBe(201);
      const token = made.json as Record<string, unknown>;
      expect(Object.keys(token).sort()).toEqual([
        ...["created_at", "environment_id", "environments", "expires_at", "id"],
        ...["in_admin_token_file", "is_active", "key_prefix", "key_type"],
        ...["last_used_at", "name", "org_id", "project_id", "raw_key", "scopes"],
      ]);
      expect(token).toMatchObject({ key_type: kind, is_active: true, last_used_at: null });
      expect(Number.isInteger(token["id"])).toBe(true);
      const listed = await admin(orgs(`/tokens?key_type=${kind}`));
      expect(listed.text).not.toContain(token["raw_key"]);
      const rotated = await admin(orgs(`/tokens/${String(token["id"])}/rotate`), "-X", "POST");
      expect([rotated.status, (rotated.json as { id: number }).id]).toEqual([200, token["id"]]);
      expectErrorBody(await shellAs(server, String(token["raw_key"]))("/v1/whoami"), 401);
      const removed = await admin(orgs(`/tokens/${String(token["id"])}`), "-X", "DELETE");
      expect([removed.status, removed.text]).toEqual([204, ""]);
    }
    const before = await fingerprint(server, project);
    const second = await make("runtime", { project_id, environment_id: environmentId.dev });
    expectErrorBody(second, 409);
    expect(second.json).toMatchObject({ detail: { error: "runtime_key_exists" } });
    expectErrorBody(await make("runtime", { project_id }), 422);
    expectErrorBody(await make("runtime", { project_id, environment_id: NOBODY }), 404);
    expect(await fingerprint(server, project)).toEqual(before);
  });

  it("quota: 422 for publish and promote, and a deletion frees it; the number is not used again", async () => {
    const own = await startTestServer();
    await using _ = own;
    const limited = await createTestProject(own, "quota");
    const operator = shellAs(own);
    await limited.publish("dev", 1);
    await limited.publish("dev", 2);
    const promote = () => operator(`${envPath(own, limited, "dev")}/promote`, "-X", "POST");
    expect((await promote()).status).toBe(200);
    expect((await promote()).status).toBe(200);
    const patch = await operator(`/v1/orgs/${own.orgId}`, "-X", "PATCH", "-d", '{"versions_per_environment":2}');
    expect(patch.json).toMatchObject({ versions_per_environment: 2 });
    const before = await fingerprint(own, limited);
    const publish = () => operator(`${envPath(own, limited, "dev")}/bundles/publish`, "-d", '{"policies":{}}');
    for (const refused of [await publish(), await promote()]) {
      expectErrorBody(refused, 422);
      expect(refused.json).toMatchObject({ detail: { error: "version_quota_exceeded" } });
    }
    expect(await fingerprint(own, limited)).toEqual(before);
    expect((await operator(`${envPath(own, limited, "dev")}/bundles/1`, "-X", "DELETE")).status).toBe(204);
    expect((await publish()).json).toMatchObject({ version: 3 });
  });

  it("promotion towards a stage that was deleted finds no target: 400", async () => {
    const gone = await createTestProject(server, "gone");
    await gone.publish("staging", 1);
    const path = `/v1/orgs/${server.orgId}/projects/${gone.projectId}/environments`;
    expect((await admin(`${path}/prod`, "-X", "DELETE")).status).toBe(409);
    await admin(`${path}/prod`, "-X", "PATCH", "-d", '{"protected": false}');
    expect((await admin(`${path}/prod`, "-X", "DELETE")).status).toBe(204);
    expect((await admin(`${path}/staging`)).json).toMatchObject({ promotes_to: null });
    expectErrorBody(await admin(`${envPath(server, gone, "staging")}/promote`, "-X", "POST"), 400);
    expectErrorBody(await admin(`${path}/prod`), 404);
  });
});

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ADMIN_TOKEN, startTestServer, type TestServer } from "../support/server.js";
import { DRIVERS } from "./drivers/all.js";
import { curl, hasCurl } from "./drivers/curl.js";
import { createTestPipeline, type TestPipeline } from "./pipeline.js";
import { createTestProject, type TestProject } from "./project.js";
import { expectErrorBody, fingerprint, shellAs, type Shell, type ShellAnswer } from "./shell.js";
import { expectRefused } from "./watching.js";

const NOBODY = "00000000-0000-4000-8000-000000000000";
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

let server: TestServer;
let admin: Shell;
let project: TestProject;
let pipeline: TestPipeline;
let projects = 0;
beforeAll(async () => {
  server = await startTestServer();
  admin = shellAs(server);
});
afterAll(() => server[Symbol.asyncDispose]());

async function fresh(): Promise<void> {
  project = await createTestProject(server, `pipelines-${(projects += 1)}`);
  pipeline = await createTestPipeline(server, project);
}

const post = (path: string, body: unknown) => admin(path, "-d", JSON.stringify(body));
const promote = (body: object, base = "/v3") =>
  post(`${base}/pipelines/${pipeline.id}/promote`, {
    ...{ source_app_id: pipeline.sourceAppId, target_app_ids: pipeline.targetAppIds, ...body },
  });

describe.skipIf(!hasCurl)("Sevalla's documented calls", () => {
  it.each(["/v1", "/v3"])("promote, byte for byte, under %s", async (base) => {
    await fresh();
    await project.publish("dev", 1);
    const [target = ""] = pipeline.targetAppIds;
    // As its page shows it, with ids that are there.
    const { status, text } = await curl([
      ...["--request", "POST", "--url", `${server.url}${base}/pipelines/${pipeline.id}/promote`],
      ...["--header", `Authorization: Bearer ${ADMIN_TOKEN}`, "--header", "Content-Type: application/json"],
      "--data",
      `\n{\n  "source_app_id": "${pipeline.sourceAppId}",\n  "target_app_ids": [\n    "${target}"\n  ]\n}\n`,
    ]);
    const { data } = await server.admin.bundles.listDeployments(project.place.staging);
    // Its two fields, and one of Signet's own behind them.
    const change = '{"dry_run":false,"unchanged":false,"skipped":false,"difference":null,"quota":null}';
    const answer = `[{"target_app_id":"${target}","deployment_id":"${data[0]?.id ?? ""}","change":${change}}]`;
    expect([status, text]).toEqual([200, answer]);
    expect(data).toMatchObject([{ sequence: 1, version: 1, kind: "promote" }]);
    expect((await server.admin.bundles.listBundles(project.place.prod)).bundles).toEqual([]);
  });

  it("the life of a pipeline, every field in its answers", async () => {
    await fresh();
    const made = await post("/v3/pipelines", { display_name: "My Pipeline", type: "trunk" });
    expect(made.status).toBe(201);
    const { id, stages } = made.json as { id: string; stages: { id: string }[] };
    const stage = (display_name: string, type: string, order: number) => ({
      ...{ id: expect.stringMatching(UUID), pipeline_id: id, display_name, type, order, branch: null },
      ...{ auto_create_app: false, delete_stale_apps: false, stale_app_days: null },
      ...{ created_at: expect.any(String), updated_at: expect.any(String), apps: [] },
    });
    expect(made.json).toEqual({
      ...{ id: expect.stringMatching(UUID), company_id: server.orgId, project_id: null },
      ...{ display_name: "My Pipeline", type: "trunk" },
      stages: [stage("Development", "standard", 0), stage("Production", "prod", 1)],
      ...{ created_at: expect.any(String), updated_at: expect.any(String) },
    });
    const body = { display_name: "Staging", insert_before: 1, branch: "staging" };
    const added = await post(`/v3/pipelines/${id}/stages`, body);
    expect([added.status, added.json]).toEqual([201, { ...stage("Staging", "standard", 1), branch: "staging" }]);
    const middle = (added.json as { id: string }).id;

    const [first = "", last = ""] = stages.map((it) => it.id);
    const stage_order = [
      { stage_id: first, order: 1 },
      { stage_id: middle, order: 0 },
    ];
    const change = { display_name: "Renamed", type: "branch", stage_order, project_id: project.projectId };
    const patched = await admin(`/v3/pipelines/${id}`, "-X", "PATCH", "-d", JSON.stringify(change));
    expect([patched.status, patched.json]).toMatchObject([
      200,
      {
        display_name: "Renamed",
        type: "branch",
        project_id: project.projectId,
        stages: [{ id: middle }, { id: first }, { id: last }],
      },
    ]);
    const cleared = await admin(`/v3/pipelines/${id}`, "-X", "PATCH", "-d", '{"project_id":null}');
    expect(cleared.json).toMatchObject({ project_id: null, display_name: "Renamed" });

    const spare = await createTestProject(server, `spare-${projects}`);
    const app_id = spare.environmentId.dev;
    const app = await post(`/v3/pipelines/${id}/stages/${first}/apps`, { app_id });
    expect([app.status, app.json]).toEqual([
      201,
      {
        ...{ app_id, project_id: spare.projectId, project: `spare-${projects}`, environment: "dev" },
        ...{ active_version: null, policy_hash: null, deployment_id: null, sequence: null, active_since: null },
        equals_previous_stage: null,
      },
    ]);
    await spare.publish("dev", 1);
    const seen = (await admin(`/v3/pipelines/${id}`)).json as { stages: { apps: object[] }[] };
    expect(seen.stages[1]?.apps).toMatchObject([{ active_version: 1, sequence: 1, active_since: expect.any(String) }]);

    const listed = (await admin("/v3/pipelines?limit=1")).json as { data: object[]; total: number };
    expect(listed).toMatchObject({ limit: 1, offset: 0, data: [{ id, company_id: server.orgId }] });
    expect(Object.keys(listed.data[0] ?? {}).sort()).toEqual([
      ...["company_id", "created_at", "display_name", "id", "project_id", "type", "updated_at"],
    ]);
    for (const path of [`/stages/${first}/apps/${app_id}`, `/stages/${middle}`, ""]) {
      const gone = await admin(`/v3/pipelines/${id}${path}`, "-X", "DELETE");
      expect([gone.status, gone.text], path).toEqual([204, ""]);
    }
    expectErrorBody(await admin(`/v3/pipelines/${id}`), 404);
  });

  it("what a client gets wrong, in its own error shape, and nothing changes", async () => {
    await fresh();
    await project.publish("dev", 1);
    const other = await createTestProject(server, `another-${projects}`);
    const before = await fingerprint(server, project);
    const fields = (answer: ShellAnswer) =>
      (answer.json as { detail: { loc: string[]; type: string }[] }).detail.map(({ loc, type }) => [
        ...loc.slice(1),
        type,
      ]);
    const source = pipeline.sourceAppId;
    const [target = ""] = pipeline.targetAppIds;

    const nothing = await admin(`/v3/pipelines/${pipeline.id}/promote`, "-X", "POST");
    expectErrorBody(nothing, 422);
    expect(fields(nothing)).toEqual([
      ["source_app_id", "missing"],
      ["target_app_ids", "too_short"],
    ]);
    for (const [body, expected] of [
      [{ source_app_id: "fb5e5168" }, ["source_app_id", "uuid"]],
      [{ target_app_ids: [] }, ["target_app_ids", "too_short"]],
      [{ target_app_ids: [target, target] }, ["target_app_ids", "1", "duplicate"]],
      [{ target_app_ids: [source] }, ["target_app_ids", "0", "source"]],
      [{ target_app_ids: [NOBODY] }, ["target_app_ids", "0", "unknown"]],
      [{ target_app_ids: [other.environmentId.prod] }, ["target_app_ids", "0", "unknown"]],
      [{ source_app_id: target, target_app_ids: [source] }, ["target_app_ids", "0", "stage"]],
      [{ source_app_id: target, target_app_ids: [pipeline.targetAppIds[1]] }, ["target_app_ids", "0", "stage"]],
      [{ target_app_ids: target }, ["target_app_ids", "type"]],
    ] as const) {
      const refused = await promote(body);
      expectErrorBody(refused, 422, JSON.stringify(body));
      expect(fields(refused), JSON.stringify(body)).toContainEqual(expected);
      expect(refused.json).toMatchObject({ status: 422, message: expect.stringMatching(/\S/) });
    }
    const path = (id: string) =>
      post(`/v3/pipelines/${id}/promote`, { source_app_id: source, target_app_ids: [target] });
    expectErrorBody(await path(NOBODY), 404);
    expectErrorBody(await path("my-pipeline"), 422);
    expectErrorBody(await promote({ source_app_id: target, target_app_ids: [pipeline.targetAppIds[1]] }), 422);
    expectErrorBody(await admin(`/v3/pipelines/${pipeline.id}/promote`, "-d", "{"), 400);
    expectErrorBody(await shellAs(server, "nobody")(`/v3/pipelines/${pipeline.id}/promote`, "-X", "POST"), 401);
    expectErrorBody(await admin(`/v3/pipelines/${pipeline.id}/promote`), 405);
    const runtime = shellAs(server, project.runtimeToken.dev);
    expectErrorBody(await runtime(`/v3/pipelines/${pipeline.id}/promote`, "-X", "POST"), 403);
    const guarded = ["-H", 'If-Match: "0"', "-d", JSON.stringify({ source_app_id: source, target_app_ids: [target] })];
    expectErrorBody(await admin(`/v3/pipelines/${pipeline.id}/promote`, ...guarded), 422);
    const stages = `/v3/pipelines/${pipeline.id}/stages`;
    expectErrorBody(await post(`${stages}/${pipeline.stageIds[0] ?? ""}/apps`, { app_id: source }), 409);
    expectErrorBody(await post(`${stages}/${NOBODY}/apps`, { app_id: other.environmentId.dev }), 404);
    expectErrorBody(await post(`${stages}/x/apps`, { app_id: other.environmentId.dev }), 422);
    for (const body of [{}, { display_name: "", type: "trunk" }, { display_name: "x", type: "forest" }]) {
      expectErrorBody(await post("/v3/pipelines", body), 422);
    }
    for (const insert_before of [-1, 51, "1", null]) {
      expectErrorBody(await post(stages, { display_name: "x", insert_before }), 422);
    }
    expectErrorBody(await admin(`/v3/pipelines/${pipeline.id}/diff?from=${source}`), 422);
    expectErrorBody(await admin(`/v3/pipelines/${pipeline.id}/diff?from=${source}&to=${target}`), 404);
    expect(await fingerprint(server, project)).toEqual(before);
    expect((await server.admin.bundles.listBundles(project.place.staging)).bundles).toEqual([]);
  });

  it("nothing active in the source is 404, a full target 422, and no target is changed", async () => {
    await fresh();
    expectErrorBody(await promote({}), 404);
    await project.publish("dev", 1);
    await project.publish("prod", 1);
    const limit = (versions_per_environment: number | null) =>
      admin(`/v1/orgs/${server.orgId}`, "-X", "PATCH", "-d", JSON.stringify({ versions_per_environment }));
    await limit(1);
    const refused = await promote({});
    await limit(null);
    expectErrorBody(refused, 422);
    expect(refused.json).toMatchObject({ detail: { error: "version_quota_exceeded" } });
    expect((await server.admin.bundles.listBundles(project.place.staging)).bundles).toEqual([]);
  });

  it("shows what two apps differ in, and answers a retry", async () => {
    await fresh();
    await project.publish("dev", 1);
    const body = JSON.stringify({ source_app_id: pipeline.sourceAppId, target_app_ids: pipeline.targetAppIds });
    const once = () => admin(`/v1/pipelines/${pipeline.id}/promote`, "-H", "Idempotency-Key: p1", "-d", body);
    const answer = await once();
    expect((await once()).json).toEqual(answer.json);
    expect((await server.admin.bundles.listBundles(project.place.prod)).bundles).toHaveLength(1);
    await project.publish("dev", 2);
    const [target = ""] = pipeline.targetAppIds;
    const diff = await admin(`/v1/pipelines/${pipeline.id}/diff?from=${target}&to=${pipeline.sourceAppId}`);
    expect([diff.status, diff.json]).toMatchObject([200, [{ op: "replace", path: "/n", value: 2 }]]);
    const { stages } = (await admin(`/v1/pipelines/${pipeline.id}`)).json as { stages: { apps: object[] }[] };
    expect(stages[1]?.apps).toMatchObject([{ equals_previous_stage: false }, { equals_previous_stage: false }]);
  });
});

it.each(DRIVERS)("promotes to several targets over $name, or refuses", async (kind) => {
  await fresh();
  await using driver = kind.open(server.url, ADMIN_TOKEN);
  const { id, sourceAppId, targetAppIds } = pipeline;
  await expectRefused(kind, driver, driver.promotePipeline(id, sourceAppId, targetAppIds), "not_found");
  await project.publish("dev", 1);
  const promoted = await driver.promotePipeline(id, sourceAppId, targetAppIds);
  expect(promoted.map(({ targetAppId }) => targetAppId)).toEqual(targetAppIds);
  const [staging, prod] = [await driver.list(project.place.staging), await driver.list(project.place.prod)];
  expect([...staging, ...prod].map(({ deploymentId }) => deploymentId)).toEqual(
    promoted.map(({ deploymentId }) => deploymentId),
  );
  await expectRefused(kind, driver, driver.promotePipeline(id, sourceAppId, []), "invalid");
  await expectRefused(kind, driver, driver.promotePipeline(id, sourceAppId, [sourceAppId]), "invalid");
  await expectRefused(kind, driver, driver.promotePipeline(NOBODY, sourceAppId, targetAppIds), "not_found");
});

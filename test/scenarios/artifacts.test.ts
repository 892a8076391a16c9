import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ADMIN_TOKEN, startTestServer, type TestServer } from "../support/server.js";
import { DRIVERS } from "./drivers/all.js";
import { curl, hasCurl } from "./drivers/curl.js";
import { createTestProject, type TestProject } from "./project.js";
import { expectErrorBody, fingerprint, shellAs, type Shell } from "./shell.js";
import { expectRefused } from "./watching.js";

const NOBODY = "00000000-0000-4000-8000-000000000000";
const ARTIFACT_KEYS = [
  ...["created_at", "created_by", "deployment_id", "id", "media_type", "name", "project_id", "promoted_at", "status"],
];

let server: TestServer;
let admin: Shell;
let project: TestProject;
let projects = 0;
beforeAll(async () => {
  server = await startTestServer();
  admin = shellAs(server);
});
afterAll(() => server[Symbol.asyncDispose]());

async function fresh(): Promise<string> {
  project = await createTestProject(server, `artifacts-${(projects += 1)}`);
  return (await server.admin.artifacts.createArtifact({ projectId: project.projectId, policies: '{"n":1}' })).id;
}

/** As the page of Ctxfy shows it, but for the host, the id and the token. */
const DOCUMENTED = '{\n  "title": "example_string",\n  "description": "example_string"\n}';

describe.skipIf(!hasCurl)("Ctxfy's documented calls", () => {
  it("promote by curl, and again", async () => {
    const id = await fresh();
    const request = () =>
      curl([
        ...["-X", "PUT", `${server.url}/v1/source-artifact/${id}/promote`],
        ...["-H", "Content-Type: application/json", "-H", `Authorization: Bearer ${ADMIN_TOKEN}`, "-d", DOCUMENTED],
      ]);
    const { status, text } = await request();
    expect(status).toBe(200);
    const answer = JSON.parse(text) as { bundle: { deployment_id: string } };
    expect(Object.keys(answer)).toEqual(["artifact_id", "status", "deployment_id", "bundle"]);
    expect(answer).toMatchObject({
      ...{ artifact_id: id, status: "promoted", deployment_id: answer.bundle.deployment_id },
      bundle: {
        version: 1,
        is_active: true,
        title: "example_string",
        description: "example_string",
        origin: "publish",
      },
    });
    expect((await request()).text).toBe(text);
    expect((await server.admin.bundles.listBundles(project.place.dev)).bundles).toHaveLength(1);
  });

  it("promote by fetch, eight at once, with one bundle", async () => {
    const id = await fresh();
    const answers = await Promise.all(
      Array.from({ length: 8 }, async () => {
        const response = await fetch(`${server.url}/v1/source-artifact/${id}/promote`, {
          method: "PUT",
          headers: { "Content-Type": "application/json", Authorization: `Bearer ${ADMIN_TOKEN}` },
          body: JSON.stringify({ title: "example_string", description: "example_string" }),
        });
        expect(response.status).toBe(200);
        return await response.json();
      }),
    );
    for (const answer of answers) expect(answer).toEqual(answers[0]);
    expect((await server.admin.bundles.listBundles(project.place.dev)).bundles).toHaveLength(1);
  });

  it("promote without a body", async () => {
    const id = await fresh();
    const answer = await admin(`/v1/source-artifact/${id}/promote`, "-X", "PUT");
    expect([answer.status, answer.json]).toMatchObject([200, { status: "promoted", bundle: { title: null } }]);
  });

  it("hands in JSON and YAML, shows, lists and deletes them", async () => {
    await fresh();
    const project_id = project.projectId;
    const create = (body: object) => admin("/v1/source-artifacts", "-d", JSON.stringify(body));
    const made = await create({ project_id, policies: { pii: { enabled: true } }, name: "from JSON" });
    expect(made.status).toBe(201);
    expect(Object.keys(made.json as object).sort()).toEqual(ARTIFACT_KEYS);
    expect(made.json).toMatchObject({
      status: "draft",
      name: "from JSON",
      media_type: "application/json",
      promoted_at: null,
    });
    const media_type = "application/yaml";
    const yaml = await create({ project_id, policies: 'pii:\n  enabled: "yes" # a word\n', media_type });
    expect([yaml.status, yaml.json]).toMatchObject([201, { media_type }]);
    const { id } = yaml.json as { id: string };
    const shown = await admin(`/v1/source-artifact/${id}`);
    expect(Object.keys(shown.json as object).sort()).toEqual([...ARTIFACT_KEYS, "policies"].sort());
    expect(shown.json).toMatchObject({ policies: { pii: { enabled: "yes" } }, media_type });

    const listed = await admin(`/v1/source-artifacts?project_id=${project_id}&status=draft&limit=2`);
    expect(listed.json).toMatchObject({ total: 3, limit: 2, offset: 0, data: [{ id }, { name: "from JSON" }] });
    const gone = await admin(`/v1/source-artifact/${id}`, "-X", "DELETE");
    expect([gone.status, gone.text]).toEqual([204, ""]);
    expectErrorBody(await admin(`/v1/source-artifact/${id}`), 404);
  });

  it("refuses in its error shape, and nothing changes", async () => {
    const id = await fresh();
    const before = await fingerprint(server, project);
    const promote = `/v1/source-artifact/${id}/promote`;
    const unauthenticated = await shellAs(server, "nobody")(promote, "-X", "PUT", "-d", DOCUMENTED);
    expectErrorBody(unauthenticated, 401);
    expect(unauthenticated.json).toMatchObject({ error: "Unauthorized", code: 401, requestId: expect.any(String) });
    for (const other of ["example_string", NOBODY]) {
      const absent = await admin(`/v1/source-artifact/${other}/promote`, "-X", "PUT", "-d", DOCUMENTED);
      expectErrorBody(absent, 404);
      expect(absent.json).toMatchObject({ error: "Not Found", code: 404 });
      expect((absent.json as { message: string }).message).toMatch(/^artifact not found/);
    }
    expectErrorBody(await admin(promote, "-X", "PUT", "-d", '{"title":1}'), 422);
    expectErrorBody(await admin(promote, "-X", "PUT", "-d", "title"), 400);
    expectErrorBody(await admin(promote, "-X", "POST"), 405);
    expectErrorBody(await shellAs(server, project.runtimeToken.dev)(promote, "-X", "PUT"), 403);
    const create = (body: string) => admin("/v1/source-artifacts", "-d", body);
    const project_id = `"project_id":"${project.projectId}"`;
    for (const body of [
      "{}",
      `{${project_id}}`,
      `{${project_id},"policies":[]}`,
      `{${project_id},"policies":{"a":1,"a":2}}`,
      `{${project_id},"policies":"a: *b","media_type":"text/yaml"}`,
      `{${project_id},"policies":"a: !!str 1","media_type":"text/yaml"}`,
      `{${project_id},"policies":{},"media_type":"image/png"}`,
    ]) {
      expectErrorBody(await create(body), 422, body);
    }
    expectErrorBody(await create(`{"project_id":"${NOBODY}","policies":{}}`), 404);
    expectErrorBody(await admin("/v1/source-artifacts", "-H", "Content-Type: application/yaml", "-d", "a: 1"), 415);
    expectErrorBody(await admin("/v1/source-artifacts?status=gone"), 422);
    expectErrorBody(await admin("/v1/source-artifacts?limit=101"), 422);
    expect(await fingerprint(server, project)).toEqual(before);
  });

  it("is 500 without detail when the signing key cannot be used, and keeps the draft", async () => {
    await using broken = await startTestServer({ SIGNET_SIGNING_KEY: "not a key" });
    const operator = shellAs(broken);
    const { projectId } = broken;
    const { id } = await broken.admin.artifacts.createArtifact({ projectId, policies: '{"n":1}' });
    const failed = await operator(`/v1/source-artifact/${id}/promote`, "-X", "PUT", "-d", DOCUMENTED);
    expectErrorBody(failed, 500);
    expect(failed.json).toMatchObject({ error: "Internal Server Error", message: "policy signing failed", code: 500 });
    expect((await operator(`/v1/source-artifact/${id}`)).json).toMatchObject({ status: "draft" });
  });
});

it.each(DRIVERS)("an artifact is handed in and promoted once over $name", async (kind) => {
  await fresh();
  await using driver = kind.open(server.url, ADMIN_TOKEN);
  const id = await driver.createArtifact(project.projectId, JSON.stringify("limit: 7\n"), "application/yaml");
  const first = await driver.promoteArtifact(id, "Seven");
  expect(first).toMatchObject({
    ...{ artifactId: id, status: "promoted" },
    bundle: { version: 1, isActive: true, title: "Seven", deploymentId: first.deploymentId },
  });
  expect(await driver.promoteArtifact(id, "other")).toEqual(first);
  expect((await driver.get(project.place.dev, 1)).policies).toEqual({ limit: 7 });
  await expectRefused(kind, driver, driver.promoteArtifact(NOBODY, "x"), "not_found");
  await expectRefused(kind, driver, driver.createArtifact(project.projectId, "[]", "application/json"), "invalid");
});

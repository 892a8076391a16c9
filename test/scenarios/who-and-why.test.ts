import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ADMIN_TOKEN, startTestServer, type TestServer } from "../support/server.js";
import { createTestProject, type TestProject } from "./project.js";

const ACTOR = { name: "first admin", kind: "admin" };

describe("who did it and why, over REST", () => {
  let server: TestServer;
  let project: TestProject;
  let base = "";
  beforeAll(async () => {
    server = await startTestServer();
    project = await createTestProject(server, "blame");
    base = `/v1/orgs/${server.orgId}/projects/blame`;
    for (const n of [1, 2, 3]) await project.publish("dev", n);
  });
  afterAll(() => server[Symbol.asyncDispose]());

  const ask = async (method: string, path: string, body?: object) => {
    const headers = { Authorization: `Bearer ${ADMIN_TOKEN}`, "Content-Type": "application/json" };
    const init = body === undefined ? { method, headers } : { method, headers, body: JSON.stringify(body) };
    const answer = await fetch(`${server.url}${path}`, init);
    const text = await answer.text();
    return { status: answer.status, body: text === "" ? null : (JSON.parse(text) as unknown) };
  };
  const audit = async (query: string) => await ask("GET", `/v1/orgs/${server.orgId}/audit?${query}`);

  it("a rollback without a body goes to the version before; its activation has every field, unset ones as null", async () => {
    expect(await ask("POST", `${base}/envs/dev/rollback`)).toMatchObject({ status: 200, body: { version: 2 } });
    const { body } = await ask("GET", `${base}/envs/dev/deployments?limit=1`);
    const [newest] = (body as { data: object[] }).data;
    expect(newest).toMatchObject({ kind: "rollback", version: 2, from_version: 3, performed_by: ACTOR });
    const unset = { reason: null, title: null, source_revision: null };
    expect(newest).toMatchObject({ ...unset, source_project_id: null, source_environment: null, source_version: null });
  });

  it("a promotion names its source and its reason", async () => {
    const reason = "release 42";
    expect(await ask("POST", `${base}/envs/dev/promote`, { reason })).toMatchObject({ status: 200 });
    const { body } = await ask("GET", `${base}/envs/staging/deployments`);
    const source = { source_project_id: project.projectId, source_environment: "dev", source_version: 2 };
    expect(body).toMatchObject({ data: [{ kind: "promote", reason, ...source, performed_by: ACTOR }] });
  });

  it("a deletion takes its reason as a query parameter", async () => {
    const deleted = await ask("DELETE", `${base}/envs/dev/bundles/1?reason=leaked%20a%20name`);
    expect(deleted.status).toBe(204);
    const { body } = await audit("action=bundle.deleted&project_id=blame&environment=dev");
    expect(body).toMatchObject([{ metadata: { version: 1, reason: "leaked a name" }, performed_by: ACTOR }]);
  });

  it("a rollback that has nowhere to go says so", async () => {
    const told = (reason: string) => ({ body: { detail: { error: reason } } });
    expect(await ask("POST", `${base}/envs/prod/rollback`)).toMatchObject({ status: 404 });
    expect(await ask("POST", `${base}/envs/staging/rollback`)).toMatchObject({
      status: 409,
      ...told("no_earlier_version"),
    });
    const gone = await ask("POST", `${base}/envs/dev/rollback`, { to_version: 1 });
    expect(gone).toMatchObject({ status: 404, body: { detail: 'version 1 of "dev" not found: it was deleted' } });
    expect(await ask("POST", `${base}/envs/dev/rollback`, { to_version: 0 })).toMatchObject({ status: 422 });
  });

  it.each(["publish", "rollback", "promote", "bundles/2/activate"])(
    "%s refuses a reason of 1,001 characters",
    async (of) => {
      const path = of === "publish" ? "bundles/publish" : of;
      const body = (length: number) => ({ policies: { n: 9 }, reason: "\u{1f600}".repeat(length) });
      const refused = await ask("POST", `${base}/envs/dev/${path}`, body(1_001));
      expect(refused).toMatchObject({ status: 422, body: { detail: [{ loc: ["body", "reason"] }] } });
      if (of !== "rollback") expect((await ask("POST", `${base}/envs/dev/${path}`, body(1_000))).status).toBe(200);
    },
  );

  it("the audit is filtered by project and environment, by name and by UUID, and by who", async () => {
    const { body } = await audit("project_id=blame&environment=staging");
    expect(body).toMatchObject([{ action: "bundle.promoted" }, { action: "bundle.promoted" }]);
    expect(await audit(`project_id=${project.projectId}&environment=staging`)).toMatchObject({ body });
    expect(await audit("project_id=blame&environment=staging&actor=first%20admin&action=bundle.*")).toMatchObject({
      body,
    });
    expect(await audit("project_id=blame&environment=nowhere")).toMatchObject({ status: 200, body: [] });
    expect(await audit("project_id=nowhere")).toMatchObject({ status: 404 });
    const alone = await audit("environment=staging");
    expect(alone).toMatchObject({ status: 422, body: { detail: [{ loc: ["query", "project_id"] }] } });
  });
});

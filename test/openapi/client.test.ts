import { readFileSync } from "node:fs";
import createClient from "openapi-fetch";
import openapiTS, { astToString } from "openapi-typescript";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createTestProject, type TestProject } from "../scenarios/project.js";
import { ADMIN_TOKEN, startTestServer, type TestServer } from "../support/server.js";
import { DOCUMENT_FILE } from "./document.js";
import type { paths } from "./generated/client.js";

it("the generated client is what the document makes: npm run generate", async () => {
  const ast = await openapiTS(new URL(`../../${DOCUMENT_FILE}`, import.meta.url));
  expect(readFileSync("test/openapi/generated/client.ts", "utf8")).toContain(astToString(ast));
});

describe("a client that openapi-typescript made", () => {
  let server: TestServer;
  let project: TestProject;
  const clientFor = (token: string) =>
    createClient<paths>({ baseUrl: server.url, headers: { authorization: `Bearer ${token}` } });
  beforeAll(async () => {
    server = await startTestServer();
    project = await createTestProject(server, "generated client");
  });
  afterAll(() => server[Symbol.asyncDispose]());

  it("publishes, promotes, lists, and reads what a runtime then gets", async () => {
    const client = clientFor(ADMIN_TOKEN);
    const path = { org_id: server.orgId, project_id: project.projectId, env_name: "dev" };
    const published = await client.POST("/v1/orgs/{org_id}/projects/{project_id}/envs/{env_name}/bundles/publish", {
      params: { path, header: { "Idempotency-Key": "generated-1", "If-Match": '"0"' } },
      body: { policies: { pii: { enabled: true } }, title: "From a generated client", labels: { build: "4711" } },
    });
    expect(published.error).toBeUndefined();
    expect(published.data).toMatchObject({ version: 1, is_active: true, origin: "publish", labels: { build: "4711" } });

    const promoted = await client.POST("/v1/orgs/{org_id}/projects/{project_id}/envs/{source_env}/promote", {
      params: { path: { org_id: server.orgId, project_id: project.projectId, source_env: "dev" } },
      body: { promoted_by: "rita" },
    });
    expect(promoted.data).toMatchObject({ version: 1, origin: "promote", published_by: "rita" });

    const listed = await client.GET("/v1/orgs/{org_id}/projects/{project_id}/envs/{env_name}/bundles", {
      params: { path: { ...path, env_name: "staging" }, query: { limit: 10 } },
    });
    expect(listed.data?.map(({ version, is_active }) => [version, is_active])).toEqual([[1, true]]);
    expect(listed.response.headers.get("x-total-count")).toBe("1");

    const runtime = clientFor(project.runtimeToken.staging);
    const latest = await runtime.GET("/v1/bundles/latest");
    expect(latest.data).toMatchObject({ environment: "staging", policies: { pii: { enabled: true } } });
    const etag = latest.response.headers.get("etag") ?? "";
    const again = await runtime.GET("/v1/bundles/latest", { params: { header: { "If-None-Match": etag } } });
    expect(again.response.status).toBe(304);
  });

  it("is told in the types of the document what was refused", async () => {
    const { error, response } = await clientFor(ADMIN_TOKEN).POST("/v1/orgs/{org_id}/projects", {
      params: { path: { org_id: server.orgId } },
      body: { name: "" },
    });
    expect(response.status).toBe(422);
    // Without a type in the document: a text, an object or a list of fields.
    expect(error?.detail).toMatchObject([{ loc: ["body", "name"] }]);
  });
});

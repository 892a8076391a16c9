import type { DescMethod } from "@bufbuild/protobuf";
import { createMethodImplSpec } from "@connectrpc/connect";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { SERVICES } from "../../src/api/methods/methods.js";
import { collectRoutes } from "../../src/api/rest/routes.js";
import { ADMIN_TOKEN, startTestServer, type TestServer } from "../support/server.js";
import { createTestProject, type TestProject } from "./project.js";

const NOBODY = "00000000-0000-4000-8000-000000000000";
const TEXT = "slugs and names are not accepted here";

/** Organizations and projects are found by slug and name too: slugs.test.ts. The id of a backup is a time, and no UUID. */
const NAMED = ["org_id", "project_id", "backup_id"];

/** Every path that is read by an id, with that id's variable. Tokens are numbers. */
const paths = collectRoutes(
  SERVICES.flatMap((service) => service.methods as readonly DescMethod[]).map((method) =>
    createMethodImplSpec(method, (() => ({})) as never),
  ),
)
  .filter(({ httpMethod }) => httpMethod === "GET")
  .flatMap(({ template, pathFields }) =>
    [...pathFields.keys()]
      .filter((name) => /^id$|_id$/.test(name) && !NAMED.includes(name))
      .map((id) => ({ template, id })),
  );

describe("a slug or a name where an id stands", () => {
  let server: TestServer;
  let project: TestProject;
  let webhookId: string;
  beforeAll(async () => {
    server = await startTestServer({ SIGNET_WEBHOOK_ALLOW: "127.0.0.0/8" });
    project = await createTestProject(server, "names");
    await project.publish("dev", 1);
    const { orgId } = server;
    webhookId = (await server.admin.webhooks.createWebhook({ orgId, url: "http://127.0.0.1:9/", events: ["*"] })).id;
  });
  afterAll(() => server[Symbol.asyncDispose]());

  const ask = async (path: string, body?: object) => {
    const method = body === undefined ? "GET" : "POST";
    const headers = { Authorization: `Bearer ${ADMIN_TOKEN}`, "Content-Type": "application/json" };
    const init = body === undefined ? { method, headers } : { method, headers, body: JSON.stringify(body) };
    const answer = await fetch(`${server.url}${path}`, init);
    return { status: answer.status, text: await answer.text() };
  };

  it.each(paths.map(({ template, id }) => [template.text, id] as const))("%s: %s", async (text, id) => {
    const query = text.endsWith("/diff") ? `?from=${NOBODY}&to=${NOBODY.replace(/0$/, "1")}` : "";
    const known: Record<string, string> = {
      ...{ org_id: server.orgId, project_id: project.projectId, env_name: "dev", webhook_id: webhookId },
    };
    const pathWith = (value: string) =>
      text.replace(/\{([a-z_]+)\}/g, (_, name: string) => (name === id ? value : (known[name] ?? "1"))) + query;
    const [slug, mistyped, unknown] = await Promise.all(["names", "nowhere", NOBODY].map((id) => ask(pathWith(id))));
    expect([404, 422]).toContain(slug?.status);
    expect(slug?.text).toContain(TEXT);
    // Whether something has that name makes no difference.
    const told = (text = "") => text.replace(/"requestId":"[^"]*"/, "");
    expect(told(slug?.text)).toBe(told(mistyped?.text));
    expect(unknown?.status).toBe(404);
    expect(unknown?.text).not.toContain(TEXT);
  });

  it.each<[string, number, () => readonly [string, object?]]>([
    ["an app", 422, () => [`/v1/pipelines/${NOBODY}/stages/${NOBODY}/apps`, { app_id: "dev" }]],
    [
      "apps of a promotion",
      422,
      () => [`/v1/pipelines/${NOBODY}/promote`, { source_app_id: "dev", target_app_ids: ["prod"] }],
    ],
  ])("%s: %i", async (_what, status, request) => {
    const [path, body] = request();
    const answer = await ask(path, body);
    expect(answer).toMatchObject({ status, text: expect.stringContaining(TEXT) as string });
  });
});

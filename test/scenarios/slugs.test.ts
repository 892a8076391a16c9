import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createSignetClient, type SignetClient } from "../../src/sdk/index.js";
import { openNodeTransport } from "../../src/sdk/node-transport.js";
import { expectDocumented } from "../openapi/contract.js";
import { ADMIN_TOKEN, startTestServer, type TestServer } from "../support/server.js";

const NOBODY = "00000000-0000-4000-8000-000000000000";

interface Answer {
  readonly status: number;
  readonly body: Record<string, unknown> & { readonly id: string };
}

describe("an organization or a project by slug or name", () => {
  let server: TestServer;
  let foreignToken: string;
  let shop: Answer["body"];
  let ciToken: string;
  beforeAll(async () => {
    server = await startTestServer();
    const { admin, orgId } = server;
    foreignToken = (await admin.organizations.createOrganization({ name: "Foreign Ltd" })).adminToken?.rawKey ?? "";
    shop = (await ask("POST", "/v1/orgs/default/projects", { name: "The Shop" })).body;
    for (const name of ["Twin", "Twin", "the-shop"]) await admin.organizations.createProject({ orgId, name });
    ciToken = (await admin.tokens.createCiToken({ orgId, projectId: shop.id })).rawKey ?? "";
    const path = "/v1/orgs/default/projects/the-shop/envs/dev/bundles/publish";
    expect(await ask("POST", path, { policies: { n: 1 } })).toMatchObject({ status: 200, body: { version: 1 } });
  });
  afterAll(() => server[Symbol.asyncDispose]());

  const ask = async (method: string, path: string, body?: object, token = ADMIN_TOKEN, headers = {}) => {
    const init = { method, headers: { "X-API-Key": token, ...headers } };
    const answer = await fetch(
      `${server.url}${path}`,
      body === undefined ? init : { ...init, body: new Blob([JSON.stringify(body)]) },
    );
    const text = await answer.text();
    expectDocumented({ method, path }, { status: answer.status, headers: answer.headers, text });
    return { status: answer.status, body: (text === "" ? {} : JSON.parse(text)) as Answer["body"] } satisfies Answer;
  };
  /** What an answer says, but for its request id. */
  const told = ({ status, body: { requestId: _, ...body } }: Answer) => ({ status, body });

  it.each([
    ["the slugs", "default", "the-shop"],
    ["the organization's slug and the project's name", "default", "The%20Shop"],
    ["ids in upper case", "ORG", "PROJECT"],
  ])("is found by %s", async (_by, org, project) => {
    const ids = { ORG: server.orgId.toUpperCase(), PROJECT: shop.id.toUpperCase() } as Record<string, string>;
    const answer = await ask(
      "GET",
      `/v1/orgs/${ids[org] ?? org}/projects/${ids[project] ?? project}/envs/dev/bundles/1`,
    );
    expect(answer).toMatchObject({ status: 200, body: { version: 1, policies_json: { n: 1 } } });
  });

  it("is found by the organization's name, whatever that becomes", async () => {
    const { adminToken } = await server.admin.organizations.createOrganization({ name: "Caf\u00e9 One" });
    const token = adminToken?.rawKey ?? "";
    // The e and its accent: names are kept in NFC.
    const path = `/v1/orgs/${encodeURIComponent("Cafe\u0301 One")}`;
    expect(await ask("GET", path, undefined, token)).toMatchObject({ status: 200, body: { slug: "cafe-one" } });
    expect((await ask("PATCH", path, { name: "Other" }, token)).status).toBe(200);
    expect((await ask("GET", path, undefined, token)).status).toBe(404);
    expect((await ask("GET", "/v1/orgs/cafe-one", undefined, token)).body.name).toBe("Other");
  });

  it("is found by a slug before it is by a name, and not by a name that two have", async () => {
    expect((await ask("GET", "/v1/orgs/default/projects/the-shop")).body.id).toBe(shop.id);
    expect((await ask("GET", "/v1/orgs/default/projects/twin")).status).toBe(200);
    const twins = await ask("GET", "/v1/orgs/default/projects/Twin");
    expect(twins.status).toBe(404);
    expect(twins.body.message).toBe('several projects are named "Twin": use the slug or the UUID');
  });

  it("over gRPC as over REST, in paths, bodies and filters", async () => {
    const transport = openNodeTransport({ url: server.url, timeoutMs: 10_000 });
    using _closed = transport;
    const client: SignetClient = createSignetClient({ transport: transport.transport, token: ADMIN_TOKEN });
    const place = { orgId: "default", projectId: "The Shop", envName: "dev" };
    expect(await client.bundles.getBundle({ ...place, version: 1 })).toMatchObject({ policiesJson: '{"n":1}' });
    const draft = await client.artifacts.createArtifact({ projectId: "the-shop", policies: "{}" });
    expect(draft.projectId).toBe(shop.id);
    await expect(client.bundles.listBundles({ ...place, orgId: "" })).rejects.toMatchObject({ code: "invalid" });
    await expect(client.bundles.listBundles({ ...place, orgId: "none" })).rejects.toMatchObject({ code: "not_found" });
  });

  it("in bodies and filters", async () => {
    const orgs = (rest: string) => `/v1/orgs/default${rest}`;
    const ci = await ask("POST", orgs("/tokens/ci"), { project_id: "the-shop" });
    expect(ci).toMatchObject({ status: 201, body: { project_id: shop.id, org_id: server.orgId } });
    const environments = (await ask("GET", orgs("/projects/the-shop/environments")))
      .body as unknown as Answer["body"][];
    const environment_id = environments.find(({ name }) => name === "prod")?.id;
    const runtime = { project_id: "The Shop", environment_id: "prod", name: "by name" };
    expect(await ask("POST", orgs("/tokens/runtime"), runtime)).toMatchObject({
      status: 201,
      body: { project_id: shop.id, environment_id },
    });
    const tokens = async (project: string) => (await ask("GET", orgs(`/tokens?project_id=${project}`))).body;
    expect(await tokens("the-shop")).toEqual(await tokens(shop.id));
    const pipeline = { display_name: "p", type: "trunk", project_id: "the-shop" };
    expect((await ask("POST", "/v1/pipelines", pipeline)).body.project_id).toBe(shop.id);
    const artifacts = async (project: string) => (await ask("GET", `/v1/source-artifacts?project_id=${project}`)).body;
    expect(await artifacts("the-shop")).toEqual(await artifacts(shop.id));
  });

  it.each<[string, string, string, object?]>([
    ["of a path", "GET", "/v1/orgs/default/projects/none/environments"],
    ["of a ci token", "POST", "/v1/orgs/default/tokens/ci", { project_id: "none" }],
    ["of a runtime token", "POST", "/v1/orgs/default/tokens/runtime", { project_id: "none", environment_id: "dev" }],
    ["of tokens", "GET", "/v1/orgs/default/tokens?project_id=none"],
    ["of a pipeline", "POST", "/v1/pipelines", { display_name: "p", type: "trunk", project_id: "none" }],
    ["of an artifact", "POST", "/v1/source-artifacts", { project_id: "none", policies: {} }],
    ["of artifacts", "GET", "/v1/source-artifacts?project_id=none"],
  ])("is not found when there is none: the project %s", async (_what, method, path, body) => {
    expect(await ask(method, path, body)).toMatchObject({ status: 404, body: { message: "project not found" } });
  });

  it("is looked for after what is wrong with the request itself", async () => {
    const path = (project: string) => `/v1/orgs/default/projects/${project}/envs/dev/bundles/publish`;
    expect((await ask("POST", path("none"), { policies: [] })).status).toBe(422);
    expect((await ask("POST", path("none"), { policies: {} })).status).toBe(404);
  });

  it("does not go on with another project that is named so when the first one is deleted", async () => {
    const make = async () => (await ask("POST", "/v1/orgs/default/projects", { name: "web" })).body;
    const [first, second] = [await make(), await make()];
    const path = "/v1/orgs/default/projects/web";
    expect(await ask("DELETE", path)).toMatchObject({ status: 204 });
    expect(await ask("DELETE", path)).toMatchObject({ status: 404 });
    expect((await ask("GET", `/v1/orgs/default/projects/${first.id}`)).status).toBe(404);
    const bound = await ask("POST", "/v1/orgs/default/tokens/ci", { project_id: second.slug });
    expect((await ask("GET", `${path}/environments`, undefined, bound.body.raw_key as string)).status).toBe(404);
    expect((await ask("GET", `/v1/orgs/default/projects/${String(second.slug)}`)).body.id).toBe(second.id);
    // The slug is free again.
    expect(await make()).toMatchObject({ slug: "web" });
    expect((await ask("GET", path)).body.id).not.toBe(second.id);
  });

  it("with a UUID as its name is not taken for the project with that id", async () => {
    const named = (await ask("POST", "/v1/orgs/default/projects", { name: shop.id })).body;
    expect((await ask("GET", `/v1/orgs/default/projects/${String(named.slug)}`)).body.id).toBe(named.id);
    expect((await ask("GET", `/v1/orgs/default/projects/${shop.id}`)).body.id).toBe(shop.id);
  });

  it("tells nothing of other organizations", async () => {
    const paths = (org: string) => [`/v1/orgs/${org}`, `/v1/orgs/${org}/projects`, `/v1/orgs/${org}/projects/the-shop`];
    for (const name of ["default", "Default", "foreign", "The%20Shop"]) {
      for (const [i, path] of paths(name).entries()) {
        const answer = told(await ask("GET", path, undefined, foreignToken));
        expect(answer).toEqual(told(await ask("GET", paths("none")[i] ?? "", undefined, foreignToken)));
        expect(answer).toMatchObject({ status: 404, body: { message: "organization not found" } });
      }
    }
    expect(await ask("GET", "/v1/orgs/foreign-ltd", undefined, foreignToken)).toMatchObject({ status: 200 });
    // An operator crosses only where operators do.
    expect((await ask("GET", "/v1/orgs/foreign-ltd")).status).toBe(404);
    expect(await ask("PATCH", "/v1/orgs/foreign-ltd", { plan: "gold" })).toMatchObject({ body: { plan: "gold" } });
    expect(await ask("PATCH", "/v1/orgs/none", { plan: "gold" })).toMatchObject({ status: 404 });
  });

  it("tells a ci token nothing of other projects", async () => {
    const path = (project: string) => `/v1/orgs/default/projects/${project}/envs/dev/bundles`;
    const other = await Promise.all(
      ["none", "twin", "Twin", "default", NOBODY].map(async (name) =>
        told(await ask("GET", path(name), undefined, ciToken)),
      ),
    );
    for (const answer of other) expect(answer).toEqual(other[0]);
    expect(other[0]).toMatchObject({ status: 404, body: { message: "project not found" } });
    for (const name of ["the-shop", "The%20Shop", shop.id]) {
      expect((await ask("GET", path(name), undefined, ciToken)).status).toBe(200);
    }
  });

  it("is the same request to an Idempotency-Key, by slug or by id", async () => {
    const publish = (org: string, project: string) =>
      ask("POST", `/v1/orgs/${org}/projects/${project}/envs/staging/bundles/publish`, { policies: {} }, ADMIN_TOKEN, {
        "Idempotency-Key": "slugs-1",
      });
    const first = await publish("default", "the-shop");
    expect(first).toMatchObject({ status: 200, body: { version: 1 } });
    expect(await publish(server.orgId, shop.id)).toEqual(first);
  });
});

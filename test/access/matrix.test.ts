import { getOption, hasOption } from "@bufbuild/protobuf";
import { Code, ConnectError, createClient, type Interceptor, type Transport } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import type { DescMethod, DescService } from "@bufbuild/protobuf";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { http as httpOption } from "../../gen/google/api/annotations_pb.js";
import { SERVICES } from "../../src/api/methods/methods.js";
import { operationOf } from "../../src/api/admission/operations.js";
import { expectDocumented } from "../openapi/contract.js";
import { startTestServer, type TestServer } from "../support/server.js";
import { FLAGD_OPERATIONS, OPERATIONS, type OperationCase } from "./operations.js";
import { createTenants, type Tenants } from "./tenants.js";

let server: TestServer;
let tenants: Tenants;

beforeAll(async () => {
  server = await startTestServer({ SIGNET_WEBHOOK_ALLOW: "127.0.0.0/8", SIGNET_WEBHOOK_TIMEOUT_MS: "1000" });
  tenants = await createTenants(server);
});

afterAll(async () => {
  tenants[Symbol.dispose]();
  await server[Symbol.asyncDispose]();
});

/** How a request names its organization and project. */
type By = "id" | "slug";

/** What stands in the way of each credential, in the order of docs/api.md, "Errors". */
function expectedStatus(
  operation: OperationCase,
  credential: keyof Tenants["credentials"],
  by: By = "id",
): number | "allowed" {
  if (UNAUTHENTICATED.has(credential)) return 401;
  const kind = tenants.credentials[credential].kind;
  if (!operation.allow.includes(kind)) return 403;
  const otherOrganization = credential.endsWith("of another organization");
  if (operation.operatorOnly === true && otherOrganization) return 403;
  const [, path] = operation.http;
  // Another organization's slug is told from no slug by nobody; an id tells nothing.
  if (otherOrganization && path.includes("{org_id}")) return by === "id" ? 403 : 404;
  const hidden = otherOrganization || credential.endsWith("of another project");
  const named = path + JSON.stringify(operation.body ?? {});
  if (hidden && OWN.some((id) => named.includes(id))) return 404;
  // An artifact is a project's: a runtime token of that project does not see it either.
  if (kind === "runtime" && path.includes("{artifact_id}")) return 404;
  return "allowed";
}

/** What stands for something of the first organization's first project. */
const OWN = ["{project_id}", "{deployment_id}", "{id}", "{artifact_id}"];

const UNAUTHENTICATED = new Set(["no token", "malformed", "unknown", "expired", "revoked"]);
const CREDENTIALS = [
  ...UNAUTHENTICATED,
  "runtime",
  "runtime of another project",
  "ci of another project",
  "viewer",
  "viewer of another project",
  "viewer of another organization",
  "auditor",
  "auditor of another organization",
  "metrics",
  "admin of another organization",
] as (keyof Tenants["credentials"])[];

/** Operations that find nothing here: their path names a key that was never announced, or there is nothing to claim. */
const FIND_NOTHING = new Set(["claimBenchmark", "activateKey", "withdrawKey", "retireKey"]);

const RPC_CODES: Readonly<Record<number, Code>> = {
  401: Code.Unauthenticated,
  403: Code.PermissionDenied,
  404: Code.NotFound,
};

describe("the table", () => {
  const methods = SERVICES.flatMap((service) => service.methods as readonly DescMethod[]);

  it("has every method of signet.v1 and of flagd, at the path that the proto says", () => {
    const declared = methods.map((method) => {
      const pattern = hasOption(method, httpOption) ? getOption(method, httpOption).pattern : undefined;
      return `${operationOf(method).id} ${pattern?.case?.toUpperCase() ?? ""} ${typeof pattern?.value === "string" ? pattern.value : ""}`;
    });
    const listed = [...OPERATIONS, ...FLAGD_OPERATIONS].map(({ id, http: [method, listedPath = ""] }) => {
      const [bare = ""] = listedPath.split("?");
      const path = bare.replace("{other_org_id}", "{org_id}");
      const own = { deleteBundle: "other_version", getBundleOrigin: "imported_version" }[id] ?? "";
      return `${id} ${method} ${own === "" ? path : path.replace(own, "version")}`;
    });
    expect(listed.sort()).toEqual(declared.sort());
  });

  it("has every call of pipelines under /v3 too, and nothing else there; runtimes, activations and the watch also by project, and OPA's names", () => {
    const others = methods.flatMap((method) => {
      const rule = hasOption(method, httpOption) ? getOption(method, httpOption) : undefined;
      return (rule?.additionalBindings ?? []).map(({ pattern, body, responseBody }) => {
        const isSame =
          rule?.pattern.case === pattern.case && rule?.body === body && rule?.responseBody === responseBody;
        return `${method.name} ${isSame} ${typeof pattern.value === "string" ? pattern.value : ""}`;
      });
    });
    const pipelines = OPERATIONS.filter(({ service }) => service === "PipelineService").map(
      ({ id, http: [, path] }) => {
        const name = `${id.charAt(0).toUpperCase()}${id.slice(1)}`;
        return `${name} true ${(path.split("?")[0] ?? "").replace("/v1/", "/v3/")}`;
      },
    );
    const base = "/v1/orgs/{org_id}/projects/{project_id}";
    const byProject = [
      `ListFleet true ${base}/runtimes`,
      `GetFleetSummary true ${base}/runtimes/summary`,
      `ListDeployments true ${base}/deployments`,
      `WatchEnvironments true ${base}/watch`,
    ];
    // As OPA names a bundle and a partition by default.
    const opa = [
      "GetOpaBundle true /v1/opa/bundles/{name}",
      "ReportOpaStatus true /v1/opa/status/{partition}",
      "UploadOpaLogs true /v1/opa/logs/{partition}",
    ];
    expect(others.sort()).toEqual([...pipelines, ...byProject, ...opa].sort());
  });
});

describe.each(OPERATIONS)("$id", (operation) => {
  it.each(CREDENTIALS)("REST refuses or hides it: %s", async (credential) => {
    const expected = expectedStatus(operation, credential);
    if (expected === "allowed") return expectAllowedREST(operation, credential);
    const before = tenants.fingerprint();
    const response = await callRest(operation, credential);
    const body = (await response.json()) as Record<string, unknown>;
    expect(response.status).toBe(expected);
    expect(body).toMatchObject({ code: expected, status: expected, requestId: response.headers.get("x-request-id") });
    expect(JSON.stringify(body)).not.toContain(tenants.credentials[credential].token ?? "signet_");
    expect(tenants.fingerprint()).toEqual(before);
  });

  const named = operation.http[1] + JSON.stringify(operation.body ?? {});
  const isNamed = /\{(org|project)_id\}/.test(named);
  const byNames = CREDENTIALS.filter((credential) => isNamed && !UNAUTHENTICATED.has(credential));
  it.each(byNames)("REST refuses or hides it by slugs: %s", async (credential) => {
    const expected = expectedStatus(operation, credential, "slug");
    if (expected === "allowed") return expectAllowedREST(operation, credential, "slug");
    const before = tenants.fingerprint();
    const response = await callRest(operation, credential, "slug");
    expect(response.status, await response.text()).toBe(expected);
    expect(tenants.fingerprint()).toEqual(before);
  });
});

describe.each([...OPERATIONS, ...FLAGD_OPERATIONS])("$id", (operation) => {
  it.each(CREDENTIALS)("gRPC refuses or hides it: %s", async (credential) => {
    const expected = expectedStatus(operation, credential);
    if (expected === "allowed") return;
    // Without a path, a message must name the organization for the check to see it; the table's ids do.
    const before = tenants.fingerprint();
    const error = await callRpc(operation, credential);
    expect(error?.code, error?.message).toBe(RPC_CODES[expected]);
    expect(tenants.fingerprint()).toEqual(before);
  });
});

describe("what is allowed", () => {
  it.each(OPERATIONS.filter(({ streaming }) => streaming !== true))(
    "the admin or runtime may $id",
    async (operation) => {
      const credential = operation.allow.includes("admin") ? "admin" : "runtime";
      const response = await callRest(operation, credential);
      const allowed = FIND_NOTHING.has(operation.id) ? [404] : [200, 201, 202, 204];
      expect(allowed, await response.text()).toContain(response.status);
    },
  );
});

async function expectAllowedREST(
  operation: OperationCase,
  credential: keyof Tenants["credentials"],
  by: By = "id",
): Promise<void> {
  if (operation.streaming === true) return;
  // What these credentials may do changes nothing that the other cases look at.
  if (operation.http[0] !== "GET") return;
  const response = await callRest(operation, credential, by);
  const text = await response.text();
  // A slug is nothing but another way to say the id.
  if (by === "slug") expect(withoutTime(text)).toBe(withoutTime(await (await callRest(operation, credential)).text()));
  // A runtime token sees one app of a pipeline, and none to compare it with.
  const isRuntime = tenants.credentials[credential].kind === "runtime";
  expect(operation.id === "diffPipelineApps" && isRuntime ? [422] : [200, 404]).toContain(response.status);
}

/** An audit head says when it was read. */
function withoutTime(text: string): string {
  return text.replace(/,"at":"[^"]*"/, "");
}

async function callRest(
  operation: OperationCase,
  credential: keyof Tenants["credentials"],
  by: By = "id",
): Promise<Response> {
  const [method, path] = operation.http;
  const { token } = tenants.credentials[credential];
  const filled = tenants.fill(path, by);
  const response = await fetch(server.url + filled, {
    method,
    headers: {
      ...(token === null ? {} : { "x-api-key": token }),
      ...(operation.body === undefined ? {} : { "content-type": "application/json" }),
    },
    ...(operation.body === undefined ? {} : { body: tenants.fill(JSON.stringify(operation.body), by) }),
  });
  const { status, headers } = response;
  expectDocumented({ method, path: filled }, { status, headers, text: await response.clone().text() });
  return response;
}

async function callRpc(
  operation: OperationCase,
  credential: keyof Tenants["credentials"],
): Promise<ConnectError | null> {
  const service = SERVICES.find(({ name }) => name === operation.service) as DescService;
  const client = createClient(service, transportOf(credential)) as unknown as Record<string, unknown>;
  const call = client[operation.rpc ?? operation.id] as (message: unknown) => Promise<unknown> | AsyncIterable<unknown>;
  try {
    const answer = call(tenants.message(operation));
    if (Symbol.asyncIterator in answer) for await (const _ of answer) break;
    else await answer;
    return null;
  } catch (thrown) {
    return ConnectError.from(thrown);
  }
}

/** One connection for each credential. */
function transportOf(credential: keyof Tenants["credentials"]): Transport {
  const known = transports.get(credential);
  if (known !== undefined) return known;
  const { token } = tenants.credentials[credential];
  const authorize: Interceptor = (next) => (request) => {
    if (token !== null) request.header.set("authorization", `Bearer ${token}`);
    return next(request);
  };
  const transport = createGrpcTransport({ baseUrl: server.url, interceptors: [authorize] });
  transports.set(credential, transport);
  return transport;
}

const transports = new Map<string, Transport>();

import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { createGrpcTransport, createGrpcWebTransport } from "@connectrpc/connect-node";
import { afterAll, beforeAll, describe, expect, it, test } from "vitest";
import { TokenService } from "../../gen/signet/v1/token_pb.js";
import { SERVICES } from "../../src/api/methods/methods.js";
import { operationOf } from "../../src/api/admission/operations.js";
import { scopeName } from "../../src/api/admission/operations.js";
import { cookieOf, ownPage, send, signIn } from "../support/browser-session.js";
import { ADMIN_TOKEN, startTestServer, type TestServer } from "../support/server.js";
import { OPERATIONS, type OperationCase } from "./operations.js";
import { createTenants, type Tenants } from "./tenants.js";

type Credential = keyof Tenants["credentials"];

let server: TestServer;
let tenants: Tenants;
const cookies = new Map<Credential, string>();

/** Who can sign in. */
const PEOPLE: readonly Credential[] = [
  "admin",
  "ci of another project",
  "viewer",
  "viewer of another project",
  "viewer of another organization",
  "auditor",
  "auditor of another organization",
  "admin of another organization",
];

beforeAll(async () => {
  server = await startTestServer({ SIGNET_WEBHOOK_ALLOW: "127.0.0.0/8", SIGNET_WEBHOOK_TIMEOUT_MS: "1000" });
  tenants = await createTenants(server);
  for (const credential of PEOPLE) {
    cookies.set(credential, cookieOf(await signIn(server.url, tokenOf(credential))));
  }
});

afterAll(async () => {
  tenants[Symbol.dispose]();
  await server[Symbol.asyncDispose]();
});

const tokenOf = (credential: Credential): string => tenants.credentials[credential].token ?? "";
const cookieFor = (credential: Credential): string => cookies.get(credential) ?? "";

/** Of methods for runtimes alone. */
const isRuntimes = ({ id }: OperationCase): boolean =>
  SERVICES.flatMap(({ methods }) => methods).some((method) => {
    const operation = operationOf(method);
    return operation.id === id && scopeName(operation.scope) === "runtime";
  });

async function call({ http: [method, path], body }: OperationCase, credentials: Record<string, string>) {
  const filled = tenants.fill(path);
  const json = body === undefined ? undefined : tenants.fill(JSON.stringify(body));
  const headers = { ...credentials, ...(json === undefined ? {} : { "content-type": "application/json" }) };
  return await send(server.url + filled, method, headers, json);
}

const byCookie = (credential: Credential) => ({ ...ownPage(server.url), cookie: cookieFor(credential) });
const byHeader = (credential: Credential) => ({ "x-api-key": tokenOf(credential) });

describe.each(OPERATIONS)("$id", (operation) => {
  it.each(PEOPLE)("is for the cookie what it is for the token: %s", async (credential) => {
    const [method] = operation.http;
    const isAllowed = operation.allow.includes(tenants.credentials[credential].kind);
    // A change that is made twice is not the same; what may not be made is.
    if (operation.streaming === true || (isAllowed && method !== "GET")) return;
    const before = tenants.fingerprint();
    const session = await call(operation, byCookie(credential));
    if (isRuntimes(operation)) {
      expect(session.status).toBe(401);
    } else {
      const token = await call(operation, byHeader(credential));
      expect(session.status, session.text).toBe(token.status);
      if (!isAllowed) expect(session.status).toBe(403);
    }
    expect(session.text).not.toContain(cookieFor(credential).split("=")[1]);
    if (!isAllowed) expect(tenants.fingerprint()).toEqual(before);
  });
});

describe("methods for runtimes", () => {
  const runtimes = OPERATIONS.filter(isRuntimes);

  it("are some", () => expect(runtimes.length).toBeGreaterThan(8));

  it.each(runtimes)("$id reads no cookie, in REST and in Connect", async (operation) => {
    const name = operation.id.charAt(0).toUpperCase() + operation.id.slice(1);
    const headers = { ...byCookie("admin"), "content-type": "application/json" };
    const connect = await send(`${server.url}/signet.v1.${operation.service}/${name}`, "POST", headers, "{}");
    // A stream's error is in its body; its media type is another one, which is refused with 415 after 401 would have been.
    if (operation.streaming !== true) expect(connect.status, connect.text).toBe(401);
    expect((await call(operation, byCookie("admin"))).status).toBe(401);
  });
});

describe("beside a token", () => {
  const whoAmI = (headers: Record<string, string>) => send(`${server.url}/v1/whoami`, "GET", headers);

  test.each(["x-api-key", "authorization"])("in %s the cookie does not count", async (header) => {
    const prefix = header === "authorization" ? "Bearer " : "";
    const own = await whoAmI({ ...byCookie("admin"), [header]: prefix + tokenOf("viewer") });
    expect(JSON.parse(own.text)).toMatchObject({ key_type: "viewer" });
    for (const wrong of ["nonsense", "", "signet_adm_00000000_x"]) {
      expect((await whoAmI({ ...byCookie("admin"), [header]: prefix + wrong })).status).toBe(401);
    }
    const session = await send(`${server.url}/console/session`, "GET", {
      ...byCookie("admin"),
      [header]: prefix + tokenOf("viewer"),
    });
    expect(session.status).toBe(401);
  });
});

test.each([
  ["the operator's admin", "admin", 200],
  ["a viewer", "viewer", 403],
  ["an admin of another organization", "admin of another organization", 403],
] as const)("the metrics are for the session of %s what they are for its token", async (_who, credential, status) => {
  const metrics = async (headers: Record<string, string>) =>
    (await send(`${server.url}/metrics`, "GET", headers)).status;
  expect([await metrics(byCookie(credential)), await metrics(byHeader(credential))]).toEqual([status, status]);
  expect(await metrics({ ...byCookie(credential), "sec-fetch-site": "cross-site" })).toBe(403);
});

describe("where no cookie counts", () => {
  test.each([
    ["gRPC", createGrpcTransport, Code.Unauthenticated],
    ["gRPC-Web", createGrpcWebTransport, null],
  ] as const)("%s", async (_name, createTransport, code) => {
    const transport = createTransport({
      baseUrl: server.url,
      httpVersion: "2",
      interceptors: [
        (next) => (request) => {
          for (const [name, value] of Object.entries(byCookie("admin"))) request.header.set(name, value);
          return next(request);
        },
      ],
    });
    const answer = createClient(TokenService, transport).whoAmI({});
    if (code === null) expect(await answer).toMatchObject({ keyType: "admin" });
    else await expect(answer).rejects.toSatisfy((thrown) => ConnectError.from(thrown).code === code);
  });

  test.each(["runtime", "metrics"] as const)("the sign-in with a %s token", async (credential) => {
    const before = tenants.fingerprint();
    const answer = await signIn(server.url, tokenOf(credential));
    expect([answer.status, answer.headers["set-cookie"]]).toEqual([403, undefined]);
    expect(tenants.fingerprint()).toEqual(before);
  });

  test.each(["malformed", "unknown", "expired", "revoked"] as const)(
    "the sign-in with a token: %s",
    async (credential) => {
      const answer = await signIn(server.url, tokenOf(credential));
      expect([answer.status, answer.headers["set-cookie"]]).toEqual([401, undefined]);
    },
  );
});

test("without the console there are neither sessions nor cookies", async () => {
  await using off = await startTestServer({ SIGNET_CONSOLE: "off" });
  expect((await signIn(off.url, ADMIN_TOKEN)).status).toBe(404);
  const headers = { ...ownPage(off.url), cookie: `signet=${"A".repeat(43)}` };
  const answer = await send(`${off.url}/v1/whoami`, "GET", headers);
  expect(answer.text).toContain("no credentials");
});

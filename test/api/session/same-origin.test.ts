import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { cookieOf, ownPage, send, signIn } from "../../support/browser-session.js";
import { ADMIN_TOKEN, startTestServer, type TestServer } from "../../support/server.js";

let server: TestServer;
let url: string;
let cookie: string;
/** A server that browsers find under other names. */
let proxied: TestServer;

beforeAll(async () => {
  server = await startTestServer();
  ({ url } = server);
  cookie = cookieOf(await signIn(url, ADMIN_TOKEN));
  proxied = await startTestServer({ SIGNET_PUBLIC_URL: "https://signet.example.com,https://other.example.com/signet" });
});

afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await proxied[Symbol.asyncDispose]();
});

const GOOD = "(own)";
const BAD = "https://evil.example.com";

/** Sec-Fetch-Site and Origin of a request, undefined for none, and whether a safe and an unsafe method may go. */
const CASES: readonly (readonly [
  site: string | undefined,
  origin: string | undefined,
  safe: boolean,
  unsafe: boolean,
])[] = [
  ["same-origin", undefined, true, true],
  ["same-origin", GOOD, true, true],
  ["same-site", undefined, false, false],
  ["same-site", GOOD, false, false],
  ["same-site", BAD, false, false],
  ["cross-site", undefined, false, false],
  ["cross-site", GOOD, false, false],
  ["cross-site", BAD, false, false],
  ["none", undefined, true, false],
  ["junk", undefined, false, false],
  ["same-origin, same-origin", undefined, false, false],
  [undefined, GOOD, true, true],
  [undefined, BAD, false, false],
  [undefined, "null", false, false],
  [undefined, undefined, true, false],
];

function headersOf(site: string | undefined, origin: string | undefined): Record<string, string> {
  return {
    ...(site === undefined ? {} : { "sec-fetch-site": site }),
    ...(origin === undefined ? {} : { origin: origin === GOOD ? new URL(url).origin : origin }),
  };
}

const projects = async (): Promise<number> =>
  (await server.admin.organizations.listProjects({ orgId: server.orgId })).projects.length;

describe.each(CASES)("Sec-Fetch-Site %s, Origin %s", (site, origin, safe, unsafe) => {
  const headers = headersOf.bind(null, site, origin);

  test(`a read with the cookie is ${safe ? "answered" : "refused"}`, async () => {
    const answer = await send(`${url}/v1/orgs/${server.orgId}`, "GET", { ...headers(), cookie });
    expect(answer.status, answer.text).toBe(safe ? 200 : 403);
    if (!safe) expect(answer.text).not.toContain(server.orgId);
    expect(answer.headers["access-control-allow-credentials"]).toBeUndefined();
  });

  test(`a change by REST with the cookie is ${unsafe ? "made" : "refused"}`, async () => {
    const before = await projects();
    const body = JSON.stringify({ name: `made with ${String(site)} ${String(origin)}` });
    const all = { ...headers(), cookie, "content-type": "application/json" };
    const answer = await send(`${url}/v1/orgs/${server.orgId}/projects`, "POST", all, body);
    expect(answer.status, answer.text).toBe(unsafe ? 200 : 403);
    expect(await projects()).toBe(before + (unsafe ? 1 : 0));
  });

  test(`a Connect call, which is a POST, with the cookie is ${unsafe ? "answered" : "refused"}`, async () => {
    const all = { ...headers(), cookie, "content-type": "application/json" };
    const answer = await send(`${url}/signet.v1.TokenService/WhoAmI`, "POST", all, "{}");
    expect(answer.status, answer.text).toBe(unsafe ? 200 : 403);
  });

  test(`a sign-in is ${unsafe ? "possible" : "refused"}`, async () => {
    const answer = await signIn(url, ADMIN_TOKEN, headers());
    expect(answer.status, answer.text).toBe(unsafe ? 200 : 403);
    if (!unsafe) expect(answer.headers["set-cookie"]).toBeUndefined();
  });

  test(`a sign-out is ${unsafe ? "possible" : "refused"}`, async () => {
    const own = cookieOf(await signIn(url, ADMIN_TOKEN));
    const answer = await send(`${url}/console/session`, "DELETE", { ...headers(), cookie: own });
    expect(answer.status, answer.text).toBe(unsafe ? 204 : 403);
    const after = await send(`${url}/console/session`, "GET", { ...ownPage(url), cookie: own });
    expect(after.status).toBe(unsafe ? 401 : 200);
  });
});

describe("behind a proxy that changes Host", () => {
  const at = (origin: string) => ({ origin, host: "127.0.0.1:8080" });

  test.each(["https://signet.example.com", "https://other.example.com"])("%s is its own", async (origin) => {
    const own = await signIn(proxied.url, ADMIN_TOKEN, at(origin));
    expect(own.status, own.text).toBe(200);
    expect(own.headers["set-cookie"]?.[0]).toMatch(/^__Host-signet=.*; Secure$/);
    const headers = { ...at(origin), cookie: cookieOf(own), "content-type": "application/json" };
    expect((await send(`${proxied.url}/signet.v1.TokenService/WhoAmI`, "POST", headers, "{}")).status).toBe(200);
  });

  test.each([
    ["http://127.0.0.1:8443/signet,http://localhost:8443", 200],
    ["http://127.0.0.1:8443,https://signet.example.com", 401],
  ])("the cookie of plain HTTP counts without an Origin where all of %s are on this machine", async (urls, status) => {
    await using local = await startTestServer({ SIGNET_PUBLIC_URL: urls });
    const hidden = { host: "signet.internal", "sec-fetch-site": "same-origin" };
    const own = await signIn(local.url, ADMIN_TOKEN, { ...hidden, origin: "http://127.0.0.1:8443" });
    expect(own.headers["set-cookie"]?.[0], own.text).toMatch(/^signet=/);
    const again = await send(`${local.url}/console/session`, "GET", { ...hidden, cookie: cookieOf(own) });
    expect(again.status, again.text).toBe(status);
  });

  test("another one is not, though Host names it", async () => {
    const origin = "https://signet.internal";
    expect((await signIn(proxied.url, ADMIN_TOKEN, { origin, host: "signet.internal" })).status).toBe(403);
  });
});

describe("origins of SIGNET_CORS_ORIGINS", () => {
  test("call with tokens, never with the cookie, and no answer allows credentials", async () => {
    await using open = await startTestServer({ SIGNET_CORS_ORIGINS: BAD });
    const own = cookieOf(await signIn(open.url, ADMIN_TOKEN));
    const headers = { origin: BAD, "content-type": "application/json" };
    const call = (more: Record<string, string>) =>
      send(`${open.url}/signet.v1.TokenService/WhoAmI`, "POST", { ...headers, ...more }, "{}");
    const answers = [await call({ "x-api-key": ADMIN_TOKEN }), await call({ cookie: own })];
    const preflight = { origin: BAD, "access-control-request-method": "POST" };
    answers.push(await send(`${open.url}/v1/whoami`, "OPTIONS", preflight));
    expect(answers.map(({ status }) => status)).toEqual([200, 403, 204]);
    for (const { headers: answered } of answers) {
      expect(answered["access-control-allow-credentials"]).toBeUndefined();
    }
    expect((await signIn(open.url, ADMIN_TOKEN, { origin: BAD })).status).toBe(403);
  });
});

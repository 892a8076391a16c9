import { afterAll, beforeAll, describe, expect, it, test } from "vitest";
import { cookieOf, ownPage, send, signIn } from "../../support/browser-session.js";
import { ADMIN_TOKEN, startTestServer, type TestServer } from "../../support/server.js";

let server: TestServer;
let url: string;

beforeAll(async () => {
  server = await startTestServer();
  ({ url } = server);
});

afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

const PLAIN = /^signet=[A-Za-z0-9_-]{43}; Path=\/; HttpOnly; SameSite=Strict$/;
const SECURE = /^__Host-signet=[A-Za-z0-9_-]{43}; Path=\/; HttpOnly; SameSite=Strict; Secure$/;

describe("signing in", () => {
  it("answers who it is and until when, and keeps the token out of the answer", async () => {
    const answer = await signIn(url, ADMIN_TOKEN);
    expect(answer.status).toBe(200);
    expect(answer.headers["set-cookie"]).toEqual([expect.stringMatching(PLAIN)]);
    expect(answer.headers["cache-control"]).toBe("no-store");
    expect(answer.headers["access-control-allow-credentials"]).toBeUndefined();
    expect(answer.text).not.toContain(ADMIN_TOKEN);
    const body = JSON.parse(answer.text) as Record<string, string>;
    const own = await send(`${url}/v1/whoami`, "GET", { "x-api-key": ADMIN_TOKEN });
    expect(body).toMatchObject({ who: { ...(JSON.parse(own.text) as object) } });
    const lasts = (until = "") => (Date.parse(until) - Date.parse(body.created_at ?? "")) / 60_000;
    expect([lasts(body.idle_ends_at), lasts(body.ends_at)]).toEqual([30, 480]);
  });

  it("is a token for calls, and ends with the sign-out", async () => {
    const cookie = cookieOf(await signIn(url, ADMIN_TOKEN));
    const call = () => send(`${url}/v1/orgs`, "GET", { ...ownPage(url), cookie });
    expect((await call()).status).toBe(200);
    expect((await send(`${url}/console/session`, "GET", { ...ownPage(url), cookie })).status).toBe(200);
    const out = await send(`${url}/console/session`, "DELETE", { ...ownPage(url), cookie });
    expect(out.status).toBe(204);
    expect(out.headers["set-cookie"]).toEqual(["signet=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0"]);
    const after = await call();
    expect(after.status).toBe(401);
    expect(JSON.parse(after.text)).toMatchObject({ detail: { error: "session_ended" } });
    expect((await send(`${url}/console/session`, "DELETE", { ...ownPage(url), cookie })).status).toBe(204);
  });

  test("a second sign-in of a browser ends its first session", async () => {
    const first = cookieOf(await signIn(url, ADMIN_TOKEN));
    const second = cookieOf(await signIn(url, ADMIN_TOKEN, { ...ownPage(url), cookie: first }));
    expect(second).not.toBe(first);
    const statusOf = async (cookie: string) =>
      (await send(`${url}/console/session`, "GET", { ...ownPage(url), cookie })).status;
    expect([await statusOf(first), await statusOf(second)]).toEqual([401, 200]);
  });

  test.each([
    ["an unknown token", JSON.stringify({ token: "signet_adm_00000000_x" }), 401],
    ["no token", "{}", 422],
    ["a token that is no text", '{"token":5}', 422],
    ["an empty token", '{"token":""}', 401],
    ["what no header may carry", JSON.stringify({ token: "ü\n" }), 401],
    ["no JSON", "token=x", 400],
    ["nothing", "", 400],
    ["JSON that is no object", "[]", 422],
    ["more than 8 KiB", JSON.stringify({ token: "x".repeat(9000) }), 413],
  ])("%s is refused", async (_name, body, status) => {
    const headers = { ...ownPage(url), "content-type": "application/json" };
    const answer = await send(`${url}/console/session`, "POST", headers, body);
    expect(answer.status, answer.text).toBe(status);
    expect(answer.headers["set-cookie"]).toBeUndefined();
  });

  test("another media type is 415, another method 405", async () => {
    const form = { ...ownPage(url), "content-type": "application/x-www-form-urlencoded" };
    expect((await send(`${url}/console/session`, "POST", form, "token=x")).status).toBe(415);
    const put = await send(`${url}/console/session`, "PUT", ownPage(url));
    expect([put.status, put.headers.allow]).toEqual([405, "DELETE, GET, POST"]);
  });

  test("tokens that are no person's are refused, and the audit tells of it", async () => {
    const { admin, orgId } = server;
    const { runtimeKeys } = await admin.organizations.createProject({ orgId, name: "for sign-in" });
    const metrics = await admin.tokens.createMetricsToken({ orgId });
    for (const key of [runtimeKeys[0]?.rawKey ?? "", metrics.rawKey ?? ""]) {
      const answer = await signIn(url, key);
      expect(answer.status).toBe(403);
      expect(answer.headers["set-cookie"]).toBeUndefined();
      expect(JSON.parse(answer.text)).toMatchObject({
        detail: { error: "not_for_people", message: expect.stringContaining("use an admin, ci or viewer token") },
      });
    }
  });
});

describe("the cookie", () => {
  const at = (origin: string, headers: Record<string, string> = {}) =>
    signIn(url, ADMIN_TOKEN, { origin, "sec-fetch-site": "same-origin", ...headers });

  test.each([
    ["https://signet.example.com", SECURE],
    ["https://localhost:8080", SECURE],
    ["http://localhost:8080", PLAIN],
    ["http://team.localhost", PLAIN],
    ["http://[::1]:8080", PLAIN],
  ])("of a page at %s", async (origin, form) => {
    const answer = await at(origin, { host: new URL(origin).host });
    expect(answer.headers["set-cookie"], answer.text).toEqual([expect.stringMatching(form)]);
  });

  test.each(["http://signet.example.com", "http://10.0.0.7:8080", "http://localhost.example.com"])(
    "is refused to a page over plain HTTP at %s",
    async (origin) => {
      const answer = await at(origin, { host: new URL(origin).host });
      expect(answer.status).toBe(403);
      expect(answer.headers["set-cookie"]).toBeUndefined();
      expect(answer.text).toContain("insecure_origin");
      expect(answer.text).toContain("sign in over https");
    },
  );

  test("of plain HTTP counts on this machine alone, which other hosts of a domain cannot set", async () => {
    const cookie = cookieOf(await signIn(url, ADMIN_TOKEN));
    const statusAt = async (headers: Record<string, string>) =>
      (await send(`${url}/v1/orgs`, "GET", { "sec-fetch-site": "same-origin", ...headers })).status;
    expect(await statusAt({ cookie })).toBe(200);
    expect(await statusAt({ cookie, host: "signet.example.com" })).toBe(401);
    const secure = cookie.replace("signet=", "__Host-signet=");
    expect(await statusAt({ cookie: secure, host: "signet.example.com" })).toBe(200);
    expect(await statusAt({ cookie: `${cookie}; signet=${"x".repeat(43)}` })).toBe(401);
    expect(await statusAt({ cookie: `other=1; ${cookie}; last=2` })).toBe(200);
  });
});

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startTestServer, type TestServer } from "../support/server.js";
import { createTestProject, type TestProject } from "./project.js";

let server: TestServer;
let projects = 0;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server[Symbol.asyncDispose]());

type HeaderList = Readonly<Record<string, string>>;

function poller(url: string, token: string) {
  return async (headers: HeaderList = {}, method = "GET", signal?: AbortSignal, query = "") => {
    const init = { method, headers: { "X-API-Key": token, ...headers }, ...(signal ? { signal } : {}) };
    const answer = await fetch(`${url}/v1/bundles/latest${query}`, init);
    return { status: answer.status, headers: answer.headers, text: await answer.text() };
  };
}

async function open(own: TestServer = server) {
  const project = await createTestProject(own, `latest-${(projects += 1)}`);
  return { project, poll: poller(own.url, project.runtimeToken.dev) };
}

/** Some round trips: what was sent before them has arrived and is held. */
async function roundTrips(own: TestServer = server): Promise<void> {
  for (let trips = 0; trips < 10; trips += 1) await own.admin.tokens.whoAmI({});
}

const activate = (project: TestProject, version: number, own: TestServer = server) =>
  own.admin.bundles.activateBundle({ ...project.place.dev, version });

describe("If-None-Match", () => {
  const hash = (etag: string) => etag.slice(0, etag.lastIndexOf("."));
  it.each([
    ["quoted", (etag: string) => `"${etag}"`, 304],
    ["unquoted", (etag: string) => etag, 304],
    ["weak", (etag: string) => `W/"${etag}"`, 304],
    ["last of a list", (etag: string) => `"a", W/"b", "${etag}"`, 304],
    ["first of a list without spaces", (etag: string) => `"${etag}","a"`, 304],
    ["any", () => "*", 304],
    ["the bare policy_hash, quoted", (etag: string) => `"${hash(etag)}"`, 304],
    ["the bare policy_hash, unquoted", (etag: string) => hash(etag), 304],
    ["the bare policy_hash, weak", (etag: string) => `W/"${hash(etag)}"`, 304],
    ["another sequence of the same content", (etag: string) => `"${hash(etag)}.7"`, 200],
    ["another hash", () => `"sha256:${"0".repeat(64)}"`, 200],
    ["the beginning of the hash", (etag: string) => `"${hash(etag).slice(0, -1)}"`, 200],
    ["what Apache makes of it", (etag: string) => `"${etag}-gzip"`, 304],
    ["what an older Apache makes of it", (etag: string) => `"${etag}"-gzip`, 304],
    ["what Jetty makes of it", (etag: string) => `W/"${etag}--gzip"`, 304],
    ["what others make of it", (etag: string) => `"a", "${etag};gzip", "b"`, 304],
    ["with brotli, unquoted", (etag: string) => `${etag}-br`, 304],
    ["something else behind it", (etag: string) => `"${etag}-x"`, 200],
    ["more than the tag", (etag: string) => `"${etag}0"`, 200],
    ["upper case", (etag: string) => `"${etag.toUpperCase()}"`, 200],
    ["an empty tag", () => '""', 200],
    ["a list of others", () => '"a", "b", W/"c"', 200],
  ])("%s", async (_, headerOf, status) => {
    const { project, poll } = await open();
    await project.publish("dev", 1);
    const first = await poll();
    const etag = /^"(sha256:[0-9a-f]{64}\.1)"$/.exec(first.headers.get("etag") ?? "")?.[1] ?? "";
    expect(etag).not.toBe("");
    const answer = await poll({ "If-None-Match": headerOf(etag) });
    expect(answer.status).toBe(status);
    expect(answer.text).toBe(status === 304 ? "" : first.text);
    for (const name of ["etag", "cache-control", "vary", "signet-sequence", "signet-deployment-id"]) {
      expect(answer.headers.get(name), name).toBe(first.headers.get(name));
    }
    expect(answer.headers.get("cache-control")).toBe("private, no-cache, no-transform");
    expect(answer.headers.get("vary")).toBe("Authorization, X-API-Key");
    expect(answer.headers.get("signet-sequence")).toBe("1");
    expect(answer.headers.get("signet-deployment-id")).toMatch(/^[0-9a-f-]{36}$/);
    if (status === 304) expect(answer.headers.get("content-length") ?? "0").toBe("0");
    else expect(answer.headers.get("content-type")).toBe("application/json");
  });

  it("sees a return to the same content, unless only the content was asked about", async () => {
    const { project, poll } = await open();
    await project.publish("dev", 1);
    const first = await poll();
    const tag = first.headers.get("etag") ?? "";
    await project.publish("dev", 2);
    await activate(project, 1);
    const returned = await poll({ "If-None-Match": tag });
    expect(returned).toMatchObject({ status: 200, text: first.text });
    expect(returned.headers.get("etag")).toBe(tag.replace('.1"', '.3"'));
    const bare = await poll({ "If-None-Match": tag.replace('.1"', '"') });
    expect(bare).toMatchObject({ status: 304, text: "" });
    expect(bare.headers.get("etag")).toBe(returned.headers.get("etag"));
  });
});

describe("a cursor, for pollers whose tag a proxy changed or dropped", () => {
  const OTHER = "0b6f3f4e-7c0b-4d55-9a3e-8d1f0a6e2c11";
  it.each([
    ["the sequence", () => "after_sequence=1", 204],
    ["the activation", (id: string) => `after_sequence=1&after_deployment_id=${id}`, 204],
    ["the activation, in another order", (id: string) => `after_deployment_id=${id}&after_sequence=1`, 204],
    ["the id alone", (id: string) => `after_deployment_id=${id}`, 204],
    ["none", () => "after_sequence=0", 200],
    ["an older sequence, or a newer one", () => "after_sequence=2", 200],
    ["another activation of the same number", () => `after_sequence=1&after_deployment_id=${OTHER}`, 200],
  ])("that names %s", async (_, queryOf, status) => {
    const { project, poll } = await open();
    await project.publish("dev", 1);
    const first = await poll();
    const query = `?${queryOf(first.headers.get("signet-deployment-id") ?? "")}`;
    const answer = await poll({ "If-None-Match": '"changed-on-the-way"' }, "GET", undefined, query);
    expect(answer).toMatchObject({ status, text: status === 204 ? "" : first.text });
    for (const name of ["etag", "signet-sequence", "signet-deployment-id", "cache-control"]) {
      expect(answer.headers.get(name), name).toBe(first.headers.get(name));
    }
    // A tag that is known answers as ever.
    expect((await poll({ "If-None-Match": "*" }, "GET", undefined, query)).status).toBe(304);
  });

  it("holds a poll until something else is active", async () => {
    const { project, poll } = await open();
    await project.publish("dev", 1);
    const held = poll({ Prefer: "wait=300" }, "GET", undefined, "?after_sequence=1");
    await roundTrips();
    await project.publish("dev", 2);
    expect((await held).headers.get("signet-sequence")).toBe("2");
    const timedOut = await poll({ Prefer: "wait=1" }, "GET", undefined, "?after_sequence=2");
    expect([timedOut.status, timedOut.headers.get("preference-applied")]).toEqual([204, "wait=1"]);
  });

  it.each([
    "after_sequence=x",
    "after_sequence=-1",
    "after_sequence=4294967296",
    `after_deployment_id=${"a".repeat(65)}`,
  ])("is refused when it is none: %s", async (query) => {
    const { project, poll } = await open();
    await project.publish("dev", 1);
    expect((await poll({}, "GET", undefined, `?${query}`)).status).toBe(422);
  });
});

it("answers 404 while nothing is active, whatever the poller has", async () => {
  const { project, poll } = await open();
  await server.admin.bundles.publishBundle({ ...project.place.dev, policies: "{}", activate: false });
  for (const headers of [{}, { "If-None-Match": "*" }, { Prefer: "wait=0" }, { Prefer: "wait=1" }]) {
    const { status, text, headers: answered } = await poll(headers);
    expect(status).toBe(404);
    expect(JSON.parse(text)).toMatchObject({ error: "Not Found", code: 404, status: 404 });
    expect(answered.get("etag")).toBeNull();
  }
});

it("HEAD has the headers of GET and no body", async () => {
  const { project, poll } = await open();
  expect(await poll({}, "HEAD")).toMatchObject({ status: 404, text: "" });
  await project.publish("dev", 1);
  const get = await poll();
  const head = await poll({}, "HEAD");
  expect(head).toMatchObject({ status: 200, text: "" });
  for (const name of ["etag", "content-length", "content-type", "signet-sequence", "cache-control", "vary"]) {
    expect(head.headers.get(name), name).toBe(get.headers.get(name));
  }
  const unchanged = await poll({ "If-None-Match": get.headers.get("etag") ?? "" }, "HEAD");
  expect(unchanged).toMatchObject({ status: 304, text: "" });
});

describe("a long poll", () => {
  it("answers at once what the poller does not have", async () => {
    const { project, poll } = await open();
    await project.publish("dev", 1);
    for (const headers of [{}, { "If-None-Match": '"other"' }] as HeaderList[]) {
      const answer = await poll({ ...headers, Prefer: "wait=300" });
      expect(answer.status).toBe(200);
      expect(answer.headers.get("preference-applied")).toBe("wait=300");
    }
  });

  it("is woken by a change, from what it has and from nothing", async () => {
    const { project, poll } = await open();
    const first = poll({ Prefer: "wait=300" });
    await roundTrips();
    await project.publish("staging", 9);
    await project.publish("dev", 1);
    const published = await first;
    expect(published.status).toBe(200);
    expect(published.headers.get("signet-sequence")).toBe("1");
    const second = poll({ Prefer: "respond-async, wait=300", "If-None-Match": published.headers.get("etag") ?? "" });
    await roundTrips();
    await activate(project, 1);
    const reactivated = await second;
    expect(reactivated).toMatchObject({ status: 200, text: published.text });
    expect(reactivated.headers.get("signet-sequence")).toBe("2");
  });

  it("is not woken by an activation of the content that it asked about", async () => {
    const { project, poll } = await open();
    await project.publish("dev", 1);
    const bare = (await poll()).headers.get("etag")?.replace('.1"', '"') ?? "";
    const held = poll({ Prefer: "wait=300", "If-None-Match": bare });
    await roundTrips();
    await activate(project, 1);
    await project.publish("dev", 2);
    expect((await held).headers.get("signet-sequence")).toBe("3");
  });

  it.each(["wait=1", "WAIT=1", 'wait="1"', "handling=lenient, wait=1"])("times out with 304: %s", async (prefer) => {
    const { project, poll } = await open();
    await project.publish("dev", 1);
    const answer = await poll({ Prefer: prefer, "If-None-Match": "*" });
    expect(answer).toMatchObject({ status: 304, text: "" });
    expect(answer.headers.get("etag")).toMatch(/\.1"$/);
    expect(answer.headers.get("preference-applied")).toBe("wait=1");
  });

  it.each(["wait=abc", "wait=-1", "wait=", "await=300", "wait=0"])("is none with %s", async (prefer) => {
    const { project, poll } = await open();
    await project.publish("dev", 1);
    const answer = await poll({ Prefer: prefer, "If-None-Match": "*" });
    expect(answer.status).toBe(304);
    expect(answer.headers.get("preference-applied")).toBeNull();
  });

  it("ends with 401 on revocation, and with 404 when the environment is deleted", async () => {
    const { project, poll } = await open();
    const staging = poller(server.url, project.runtimeToken.staging);
    const held = [poll({ Prefer: "wait=300" }), staging({ Prefer: "wait=300" })] as const;
    await roundTrips();
    await server.admin.tokens.revokeToken({ orgId: server.orgId, keyId: await project.runtimeTokenId("dev") });
    const revoked = await held[0];
    expect(revoked.status).toBe(401);
    expect(revoked.headers.get("www-authenticate")).toBe("Bearer");
    await server.admin.organizations.updateEnvironment({
      ...project.place.dev,
      updateMask: { paths: ["promotes_to"] },
    });
    await server.admin.organizations.deleteEnvironment({ ...project.place.staging, force: true });
    expect((await held[1]).status).toBe(404);
  });

  it("ends with 503 on shutdown, and the server need not wait for it", async () => {
    await using own = await startTestServer({ SIGNET_SHUTDOWN_GRACE_MS: "600000" });
    const { poll } = await open(own);
    const held = poll({ Prefer: "wait=300" });
    await roundTrips(own);
    const stopped = own.server[Symbol.asyncDispose]();
    const { status, text } = await held;
    expect(status).toBe(503);
    expect(JSON.parse(text)).toMatchObject({ status: 503, error: "Service Unavailable" });
    await stopped;
  });

  it("has a budget, that a poller who goes away gives back", async () => {
    await using own = await startTestServer({ SIGNET_MAX_HELD_POLLS: "1" });
    const { project, poll } = await open(own);
    await project.publish("dev", 1);
    const hold = { Prefer: "wait=300", "If-None-Match": "*" };
    const gone = new AbortController();
    const first = poll(hold, "GET", gone.signal);
    await roundTrips(own);
    const refused = await poll(hold);
    expect([refused.status, refused.headers.get("retry-after")]).toEqual([429, "10"]);
    expect(JSON.parse(refused.text)).toMatchObject({ detail: { error: "too_many_polls" } });
    // Who does not wait is not counted.
    expect((await poll({ "If-None-Match": "*" })).status).toBe(304);
    expect((await poll({ Prefer: "wait=300" })).status).toBe(200);
    gone.abort();
    await expect(first).rejects.toThrow();
    let next = await poll({ ...hold, Prefer: "wait=1" });
    while (next.status === 429) next = await poll({ ...hold, Prefer: "wait=1" });
    expect(next.status).toBe(304);
  });
});

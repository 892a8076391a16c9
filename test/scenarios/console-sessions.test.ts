import { afterAll, beforeAll, expect, test } from "vitest";
import { cookieOf, openStream, ownPage, send, signIn } from "../support/browser-session.js";
import { ADMIN_TOKEN, startTestServer, type TestServer } from "../support/server.js";

/** On PostgreSQL these are two nodes: what one did, the other must know. */
let server: TestServer;
let one: string;
let other: string;

beforeAll(async () => {
  server = await startTestServer();
  [one, other] = [server.url, server.url];
});

afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

/** A session of a new viewer at one node, and its stream at the other. */
async function watching() {
  const { admin, orgId } = server;
  const token = await admin.tokens.createViewerToken({ orgId });
  const cookie = cookieOf(await signIn(one, token.rawKey ?? ""));
  const stream = await openStream(`${other}/v1/orgs/${orgId}/watch`, {
    ...{ ...ownPage(other), cookie, accept: "text/event-stream" },
  });
  expect(stream.status).toBe(200);
  const statusAt = async (url: string) =>
    (await send(`${url}/v1/orgs/${orgId}`, "GET", { ...ownPage(url), cookie })).status;
  expect([await statusAt(one), await statusAt(other)]).toEqual([200, 200]);
  return { token, cookie, stream, statusAt };
}

test("a session is known to all nodes, and a sign-out at one ends it and its stream at the other", async () => {
  const { cookie, stream, statusAt } = await watching();
  const bystander = await watching();
  const out = await send(`${one}/console/session`, "DELETE", { ...ownPage(one), cookie });
  expect(out.status).toBe(204);
  expect([await statusAt(one), await statusAt(other)]).toEqual([401, 401]);
  expect(await stream.over).toContain("session_ended");
  expect([await bystander.statusAt(one), await bystander.statusAt(other)]).toEqual([200, 200]);
});

test("a revoked token ends its sessions and their streams at both nodes", async () => {
  const { token, stream, statusAt } = await watching();
  await server.admin.tokens.revokeToken({ orgId: server.orgId, keyId: token.id });
  expect(await stream.over).toContain("was revoked, was rotated or has expired");
  await expect.poll(async () => [await statusAt(one), await statusAt(other)]).toEqual([401, 401]);
});

test("a token that was rotated without grace ends its sessions", async () => {
  const { token, stream, statusAt } = await watching();
  await server.admin.tokens.rotateToken({ orgId: server.orgId, keyId: token.id });
  expect(await stream.over).toContain("was revoked, was rotated or has expired");
  await expect.poll(async () => [await statusAt(one), await statusAt(other)]).toEqual([401, 401]);
});

test("the deletion of an organization ends the sessions of its tokens", async () => {
  const { admin } = server;
  const made = await admin.organizations.createOrganization({ name: "soon gone" });
  const cookie = cookieOf(await signIn(one, made.adminToken?.rawKey ?? ""));
  const statusAt = async (url: string) =>
    (await send(`${url}/console/session`, "GET", { ...ownPage(url), cookie })).status;
  expect([await statusAt(one), await statusAt(other)]).toEqual([200, 200]);
  await admin.organizations.deleteOrganization({ orgId: made.id });
  await expect.poll(async () => [await statusAt(one), await statusAt(other)]).toEqual([401, 401]);
});

test("refused sign-ins of known tokens are in the audit, none of a secret is", async () => {
  const { admin, orgId } = server;
  const token = await admin.tokens.createMetricsToken({ orgId });
  expect((await signIn(one, token.rawKey ?? "")).status).toBe(403);
  expect((await signIn(one, ADMIN_TOKEN)).status).toBe(200);
  const { events } = await admin.audit.listAuditEvents({ orgId, action: "console.signed_in", limit: 1 });
  expect(events[0]).toMatchObject({ action: "console.signed_in", resourceType: "token" });
  expect(JSON.stringify(events[0]?.metadata ?? {})).not.toContain(ADMIN_TOKEN);
});

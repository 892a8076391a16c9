import { once } from "node:events";
import { connect } from "node:net";
import { expect, it } from "vitest";
import { parseScrape, scrape, type Scrape } from "../observability/scrape.js";
import { ADMIN_TOKEN, startTestServer, type TestServer } from "../support/server.js";

const refused = (found: Scrape, limit: string) => found.value("signet_limit_refused_total", { limit });

async function runtimeToken(server: TestServer, name: string): Promise<string> {
  const { orgId, projectId } = server;
  const { environments } = await server.admin.organizations.getProject({ orgId, projectId });
  const environmentId = environments.find((environment) => environment.name === "dev")?.id ?? "";
  return (await server.admin.tokens.createRuntimeToken({ orgId, projectId, environmentId, name })).rawKey ?? "";
}

it("who guesses tokens is refused for the minute; runtimes of the same address go on", async () => {
  await using server = await startTestServer({
    ...{ SIGNET_MAX_FAILED_AUTHENTICATIONS: "5", SIGNET_METRICS_ADDRESS: "127.0.0.1:0" },
  });
  const { orgId, projectId, url } = server;
  const publish = (n: number) =>
    server.admin.bundles.publishBundle({ orgId, projectId, envName: "dev", policies: `{"n":${n}}` });
  await publish(1);
  const [known, unused] = [await runtimeToken(server, "known"), await runtimeToken(server, "unused")];
  const poll = async (token: string) => {
    const answer = await fetch(`${url}/v1/bundles/latest`, { headers: { authorization: `Bearer ${token}` } });
    await answer.arrayBuffer();
    return answer.status;
  };
  expect(await poll(known)).toBe(200);
  const before = server.clientFor(known).runtimes.watchBundle({})[Symbol.asyncIterator]();
  await before.next();

  for (let guess = 0; guess < 5; guess += 1) expect(await poll(`${known}${guess}`)).toBe(401);
  expect(await poll("a-guess-that-is-wrong")).toBe(429);
  // It would be right, but nobody may learn that at this speed.
  expect(await poll(unused)).toBe(429);
  // The operator chose it, so it might be weak.
  expect(await poll(ADMIN_TOKEN)).toBe(429);

  expect(await poll(known)).toBe(200);
  const after = server.clientFor(known).runtimes.watchBundle({})[Symbol.asyncIterator]();
  expect((await after.next()).value).toMatchObject({ sequence: 1 });
  const found = parseScrape(await (await fetch(server.server.metricsUrl ?? "")).text());
  expect(refused(found, "max_failed_authentications")).toBe(3);
  expect(found.value("signet_authentication_failures_total")).toBe(5);
});

it("thousands that show no token leave room for who does, and are counted", async () => {
  await using server = await startTestServer({ SIGNET_MAX_UNAUTHENTICATED_CONNECTIONS: "50" });
  const token = await runtimeToken(server, "runtime");
  const watch = server.clientFor(token).runtimes.watchBundle({})[Symbol.asyncIterator]();
  await watch.next();
  const port = Number(new URL(server.url).port);
  const attackers = Array.from({ length: 2_000 }, () => {
    const socket = connect(port, "127.0.0.1");
    socket.on("error", () => undefined);
    return socket;
  });
  await Promise.all(attackers.slice(0, 1_000).map(async (socket) => socket.closed || once(socket, "close")));
  const { orgId, projectId } = server;
  await server.admin.bundles.publishBundle({ orgId, projectId, envName: "dev", policies: "{}" });
  expect((await watch.next()).value).toMatchObject({ sequence: 1 });
  const found = await scrape(server);
  expect(refused(found, "max_unauthenticated_connections")).toBeGreaterThanOrEqual(1_000);
  expect(refused(found, "max_connections")).toBe(0);
  for (const socket of attackers) socket.destroy();
});

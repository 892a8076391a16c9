import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createSignetClient, SignetError, type SignetClient } from "../../src/sdk/index.js";
import { openNodeTransport } from "../../src/sdk/node-transport.js";
import { ADMIN_TOKEN } from "../support/server.js";
import { checkConsistency } from "./consistency.js";
import { findProject } from "./find-project.js";
import { startServerProcess, type ServerProcess } from "./server-process.js";
import { change, createRandom, type Acknowledged, type Where } from "./work.js";

const CLIENTS = 4;
/** Acknowledged changes before the server is told to stop. */
const CHANGES = 20;

let directory = "";
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "signet-shutdown-"));
});
afterEach(async () => {
  await rm(directory, { recursive: true, force: true });
});

describe("a server that is told to stop while clients work", () => {
  it("ends streams with unavailable, finishes or refuses each change, and exits with 0", async () => {
    const server = await startServerProcess(directory);
    using connection = connectTo(server);
    const where = await findProject(connection.client);
    const watched = watchUntilEnd(server, connection.client, where);
    const { acknowledged, unknown } = await workUntil(server, connection.client, where, "SIGTERM");
    expect(await server.ended).toEqual({ code: 0, signal: null });
    expect((await watched).code).toBe("unavailable");
    await expectConsistent(directory, acknowledged, unknown);
  }, 120_000);

  it("does not wait at the second signal: what was acknowledged is there", async () => {
    const server = await startServerProcess(directory, { SIGNET_SHUTDOWN_GRACE_MS: "600000" });
    using connection = connectTo(server);
    const where = await findProject(connection.client);
    // A request that never becomes whole holds the first signal up for the whole grace time.
    using held = await holdRequest(server, where);
    const { acknowledged, unknown } = await workUntil(server, connection.client, where, "SIGTERM");
    expect(server.child.exitCode).toBeNull();
    expect(await server.end("SIGTERM")).toEqual({ code: 143, signal: null });
    expect(held.answered()).toBe(false);
    await expectConsistent(directory, acknowledged, unknown);
  }, 120_000);
});

it("a server that is killed looks unavailable to its clients, not as if they had stopped by themselves", async () => {
  const server = await startServerProcess(directory);
  using connection = connectTo(server);
  const where = await findProject(connection.client);
  const runtime = connectTo(server, await runtimeToken(connection.client, where));
  // Nothing is active, so it waits.
  const poll = runtime.client.runtimes.getLatestBundle({}, { headers: { Prefer: "wait=60" } });
  const polled = poll.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  const watched = watchUntilEnd(server, connection.client, where, () => server.end("SIGKILL"));
  expect((await watched).code).toBe("unavailable");
  expect(await polled).toMatchObject({ code: "unavailable" });
  runtime[Symbol.dispose]();
});

function connectTo(server: ServerProcess, token = ADMIN_TOKEN) {
  const connection = openNodeTransport({ url: server.url, timeoutMs: 30_000 });
  const client = createSignetClient({ transport: connection.transport, token });
  return { client, [Symbol.dispose]: () => connection[Symbol.dispose]() };
}

/** Watches dev with a token of its own; resolves with what ended the stream. */
async function watchUntilEnd(
  server: ServerProcess,
  admin: SignetClient,
  where: Where,
  onFirst: () => unknown = () => undefined,
): Promise<SignetError> {
  using connection = connectTo(server, await runtimeToken(admin, where));
  try {
    for await (const _ of connection.client.runtimes.watchBundle({}, { timeoutMs: 0 })) onFirst();
  } catch (thrown) {
    if (thrown instanceof SignetError) return thrown;
    throw thrown;
  }
  throw new Error("the stream ended without a word");
}

let runtimeTokens = 0;

async function runtimeToken(admin: SignetClient, where: Where): Promise<string> {
  const { environments } = await admin.organizations.listEnvironments(where);
  const environmentId = environments.find(({ name }) => name === "dev")?.id ?? "";
  runtimeTokens += 1;
  const token = { ...where, environmentId, name: `runtime ${runtimeTokens}` };
  return (await admin.tokens.createRuntimeToken(token)).rawKey ?? "";
}

/** Several clients change things; the server gets the signal in the middle, and all of them come to an end. */
async function workUntil(server: ServerProcess, client: SignetClient, where: Where, signal: NodeJS.Signals) {
  const acknowledged: Acknowledged[] = [];
  const ends: unknown[] = [];
  const work = Array.from({ length: CLIENTS }, async (_, index) => {
    const random = createRandom(7000 + index);
    try {
      for (;;) {
        const done = await change(client, where, random, "shutdown");
        if (done !== null) acknowledged.push(done);
        if (acknowledged.length === CHANGES) server.child.kill(signal);
      }
    } catch (thrown) {
      ends.push(thrown);
    }
  });
  await Promise.all(work);
  for (const end of ends) expect(end).toMatchObject({ code: "unavailable" });
  return { acknowledged, unknown: CLIENTS };
}

/** A publish whose body never ends. */
async function holdRequest(server: ServerProcess, { orgId, projectId }: Where) {
  const { hostname, port } = new URL(server.url);
  const socket = connect(Number(port), hostname);
  let answer = "";
  socket.on("data", (chunk: Buffer) => (answer += chunk.toString())).on("error", () => undefined);
  await once(socket, "connect");
  const path = `/v1/orgs/${orgId}/projects/${projectId}/envs/dev/bundles/publish`;
  const head = [`POST ${path} HTTP/1.1`, "Host: x", `X-API-Key: ${ADMIN_TOKEN}`, "Expect: 100-continue"];
  socket.write(`${head.join("\r\n")}\r\nContent-Length: 1000\r\n\r\n`);
  // It says so when it begins to read the body: the request is in flight.
  while (!answer.includes("100 Continue")) await once(socket, "data");
  socket.write("{");
  return {
    answered: () => answer.replace("HTTP/1.1 100 Continue\r\n\r\n", "") !== "",
    [Symbol.dispose]: () => void socket.destroy(),
  };
}

async function expectConsistent(path: string, acknowledged: Acknowledged[], lost: number): Promise<void> {
  const server = await startServerProcess(path);
  using connection = connectTo(server);
  await checkConsistency(connection.client, await findProject(connection.client), acknowledged, lost);
  expect(await server.end("SIGTERM")).toEqual({ code: 0, signal: null });
}

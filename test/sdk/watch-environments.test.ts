import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { SignetError, watchEnvironments, type EnvironmentsEvent } from "../../src/sdk/index.js";
import { createTestProject } from "../scenarios/project.js";
import { startTestServer, type TestServer } from "../support/server.js";

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer({ SIGNET_HEARTBEAT_MS: "200" });
});
afterAll(() => server[Symbol.asyncDispose]());

const BACKOFF = { baseMs: 1, maxMs: 2, random: () => 0.5 };

/** The client, whose streams end as if the connection was lost when `lose` is called. */
function losing() {
  let connection = new AbortController();
  const requests: { readonly after?: readonly string[] }[] = [];
  const { watches } = server.admin;
  const client = {
    watches: {
      ...watches,
      async *watchEnvironments(...[request, options]: Parameters<typeof watches.watchEnvironments>) {
        connection = new AbortController();
        requests.push(request);
        const { signal } = connection;
        try {
          const both = AbortSignal.any([signal, options?.signal ?? signal]);
          yield* watches.watchEnvironments(request, { ...options, signal: both });
        } catch (error) {
          if (!signal.aborted) throw error;
        }
      },
    },
  } as unknown as Parameters<typeof watchEnvironments>[0];
  return { client, requests, lose: () => connection.abort() };
}

async function upTo(events: AsyncGenerator<EnvironmentsEvent, void>, type: EnvironmentsEvent["type"]) {
  const read: EnvironmentsEvent[] = [];
  for (;;) {
    const { value } = await events.next();
    if (value === undefined) throw new Error("ended");
    if (value.type !== "heartbeat") read.push(value);
    if (value.type === type) return read;
  }
}

describe("watchEnvironments", () => {
  it("comes back with its cursors: what happened meanwhile and nothing else", async () => {
    const { client, requests, lose } = losing();
    const project = await createTestProject(server, "lost");
    const { projectId } = project;
    const stop = new AbortController();
    const options = { orgId: server.orgId, projectId, signal: stop.signal, backoff: BACKOFF };
    const events = watchEnvironments(client, options);
    const first = await upTo(events, "current");
    expect(first.map(({ type }) => type)).toEqual(["project", "environment", "environment", "environment", "current"]);
    lose();
    await upTo(events, "reconnecting");
    await project.publish("dev", 1);
    const again = await upTo(events, "current");
    const told = again.map((event) => (event.type === "environment" ? event.value.environment?.name : event.type));
    expect(told).toEqual(["dev", "current"]);
    expect(requests.map(({ after }) => after?.length)).toEqual([0, 3]);
    stop.abort();
    expect((await events.next()).done).toBe(true);
  });

  it("ends when there are too many environments for one watch, and not for another conflict", async () => {
    const reasons = ["busy", "too_many_environments", "never asked for"];
    const client = {
      watches: {
        // eslint-disable-next-line require-yield
        async *watchEnvironments() {
          throw new SignetError("conflict", "refused", { reason: reasons.shift() ?? "", isFromServer: true });
        },
      },
    } as unknown as Parameters<typeof watchEnvironments>[0];
    const { signal } = new AbortController();
    const events = watchEnvironments(client, { orgId: server.orgId, signal, backoff: BACKOFF });
    expect((await events.next()).value).toMatchObject({ type: "reconnecting", error: { reason: "busy" } });
    await expect(events.next()).rejects.toMatchObject({ code: "conflict", reason: "too_many_environments" });
  });

  it("ends with the error of a token that may not follow a topic, and refuses options at once", async () => {
    const { orgId } = server;
    const project = await createTestProject(server, "refused");
    const { rawKey = "" } = await server.admin.tokens.createCiToken({ orgId, projectId: project.projectId });
    const { signal } = new AbortController();
    const events = watchEnvironments(server.clientFor(rawKey), { orgId, topics: ["audit"], signal });
    await expect(events.next()).rejects.toMatchObject({ code: "forbidden" });
    expect(() => watchEnvironments(server.admin, { orgId, topics: ["weather" as "audit"], signal })).toThrow(TypeError);
    expect(() => watchEnvironments(server.admin, { orgId: "", signal })).toThrow(TypeError);
  });
});

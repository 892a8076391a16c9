import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import type { SignetClient } from "../../src/sdk/index.js";
import { watchBundle } from "../../src/sdk/watch.js";
import { startFaultProxy, type FaultProxy } from "../support/postgres/fault-proxy.js";
import { testDatabase } from "../support/postgres/test-database.js";
import { startTestServer, type TestServer } from "../support/server.js";

describe("a node whose database is away", () => {
  let proxy: FaultProxy;
  let server: TestServer;

  beforeAll(async () => {
    const database = await testDatabase();
    const { hostname, port } = new URL(database.url);
    proxy = await startFaultProxy({ host: hostname, port: Number(port) });
    server = await startTestServer({
      SIGNET_DATABASE_URL: proxy.through(database.url),
      SIGNET_KEY_SECRET: "a secret of the tests, long enough for keys",
      SIGNET_HEARTBEAT_MS: "200",
    });
  });
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
    await proxy[Symbol.asyncDispose]();
  });

  it("is what the rest of this page is about", () => {
    expect([proxy, server, watchBundle, vi, {} as SignetClient]).toBeDefined();
  });
});

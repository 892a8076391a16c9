import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startTestServer, type TestServer } from "../support/server.js";
import type { Driver } from "./drivers/driver.js";
import { openGrpcJs } from "./drivers/grpc-js.js";
import { fetchHttp } from "./drivers/http.js";
import { restDriver } from "./drivers/rest.js";
import { createTestProject } from "./project.js";
import { firstMessage, untilRefused } from "./until-refused.js";
import { Watching } from "./watching.js";

/** Readers of each kind. */
const READERS = 4;
const REFUSED = [401, "UNAUTHENTICATED"];

let server: TestServer;
let projects = 0;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server[Symbol.asyncDispose]());

const HELD = { "If-None-Match": "*", Prefer: "wait=300" };

const ENDS = {
  revoked: (keyId: number) => server.admin.tokens.revokeToken({ orgId: server.orgId, keyId }),
  rotated: (keyId: number) => server.admin.tokens.rotateToken({ orgId: server.orgId, keyId }),
};

describe.each(Object.entries(ENDS))("a token that was %s while many ask with it", (_how, end) => {
  it("lets nobody in who asks after that was answered, and ends what is held", async () => {
    const project = await createTestProject(server, `ended-${(projects += 1)}`);
    await project.publish("dev", 1);
    const token = project.runtimeToken.dev;
    const rest = restDriver(fetchHttp(server.url), token, "events");
    await using grpc = openGrpcJs(server.url, token);
    const drivers = [rest, grpc];
    // From here on the token and what is active are in memory.
    for (const driver of drivers) await driver.latest();
    await using overRest = new Watching(rest);
    await using overGrpc = new Watching(grpc);
    const watching = [overRest, overGrpc];
    for (const watch of watching) await watch.nextChange();

    let isOver = false;
    const askers: ((driver: Driver) => Promise<unknown>)[] = [
      (driver) => driver.latest(),
      (driver) => driver.latest({ "If-None-Match": "*" }),
      (driver) => driver.latest(HELD),
      firstMessage,
    ];
    const readers = drivers.flatMap((driver) =>
      askers.flatMap((ask) => Array.from({ length: READERS }, () => untilRefused(driver, () => isOver, ask))),
    );
    await end(await project.runtimeTokenId("dev"));
    isOver = true;
    for (const code of await Promise.all(readers)) expect(REFUSED).toContain(code);
    for (const watch of watching) expect(REFUSED).toContain((await watch.end()).code);
    // A change is told to nobody whose token is over.
    await project.publish("dev", 2);
    for (const driver of drivers) {
      expect(REFUSED).toContain(driver.failure(await driver.latest().catch((thrown: unknown) => thrown)).code);
    }
  });
});

import { setImmediate as nextTurn } from "node:timers/promises";
import Database from "better-sqlite3";
import { describe, expect, it, beforeAll, afterAll } from "vitest";
import { startTestServer, type TestServer } from "../support/server.js";
import { STREAMING } from "./drivers/all.js";
import type { Driver, DriverKind } from "./drivers/driver.js";
import { createTestProject } from "./project.js";
import { expectRefusal, expectRefused, Watching } from "./watching.js";

let server: TestServer;
let projects = 0;
beforeAll(async () => {
  server = await startTestServer({ SIGNET_HEARTBEAT_MS: "200" });
});
afterAll(() => server[Symbol.asyncDispose]());

/** An open watch of dev that has had its first message, and one of staging that nothing may end. */
async function open(kind: DriverKind) {
  const project = await createTestProject(server, `ends-${(projects += 1)}`);
  const dev = kind.open(server.url, project.runtimeToken.dev);
  const bystander = new Watching(kind.open(server.url, project.runtimeToken.staging));
  const watch = new Watching(dev);
  await Promise.all([watch.nextChange(), bystander.nextChange()]);
  return { project, dev, watch, bystander, keyId: await project.runtimeTokenId("dev") };
}

/** Moves the end of a token, in the database: nobody can wait for a day. Never waits for the lock, whose owner is this process. */
async function moveExpiry(id: number, expiresAt: string): Promise<void> {
  const db = new Database(`${server.directory}/signet.db`, { timeout: 0 });
  const move = db.prepare("update tokens set expires_at = ? where id = ?");
  try {
    for (;;) {
      try {
        move.run(expiresAt, id);
        return;
      } catch (error) {
        if (!(error instanceof Database.SqliteError && error.code.startsWith("SQLITE_BUSY"))) throw error;
      }
      await nextTurn();
    }
  } finally {
    db.close();
  }
}

/** A runtime token that stops in two seconds, and a watch with it. */
async function openExpiring(kind: DriverKind) {
  const project = await createTestProject(server, `expiring-${(projects += 1)}`);
  const token = await server.admin.tokens.createRuntimeToken({
    ...{ orgId: server.orgId, projectId: project.projectId, environmentId: project.environmentId.dev },
    ...{ name: "expiring", expiresInDays: 1 },
  });
  await moveExpiry(token.id, new Date(Date.now() + 2_000).toISOString());
  const dev = kind.open(server.url, token.rawKey ?? "");
  const watch = new Watching(dev);
  await watch.nextChange();
  return { dev, watch, keyId: token.id };
}

/** Reads on until the token is refused elsewhere; then the stream must end, within a few heartbeats. */
async function endsOnceRefused(watch: Watching, dev: Driver): Promise<ReturnType<Driver["failure"]>> {
  const isRefused = () =>
    dev.whoami().then(
      () => false,
      () => true,
    );
  let beatsSinceRefusal = 0;
  while (beatsSinceRefusal < 10) {
    if (await isRefused()) beatsSinceRefusal += 1;
    try {
      await watch.next();
    } catch (thrown) {
      return dev.failure(thrown);
    }
  }
  throw new Error("the token is refused, and its stream goes on");
}

describe.each(STREAMING)("a watch over $name ends", (kind) => {
  it("when its token is revoked, and no other does", async () => {
    const { project, dev, watch, bystander, keyId } = await open(kind);
    await using _ = bystander;
    await server.admin.tokens.revokeToken({ orgId: server.orgId, keyId });
    expectRefusal(kind, await watch.end(), "unauthenticated");
    await expectRefused(kind, dev, new Watching(dev).next(), "unauthenticated");
    await project.publish("staging", 1);
    expect(await bystander.nextChange()).toMatchObject({ sequence: 1 });
  });

  it("when its token is rotated, and the new key goes on", async () => {
    const { watch, bystander, keyId } = await open(kind);
    await using _ = bystander;
    const { rawKey } = await server.admin.tokens.rotateToken({ orgId: server.orgId, keyId });
    expectRefusal(kind, await watch.end(), "unauthenticated");
    await using rotated = kind.open(server.url, rawKey ?? "");
    await using again = new Watching(rotated);
    expect(await again.next()).toMatchObject({ event: "nothing_active" });
  });

  it("only at the end of the grace time when it was rotated with one", async () => {
    const { project, watch, bystander, keyId } = await open(kind);
    await using _ = bystander;
    const { rawKey } = await server.admin.tokens.rotateToken({ orgId: server.orgId, keyId, graceSeconds: 2 });
    await using rotated = kind.open(server.url, rawKey ?? "");
    await using again = new Watching(rotated);
    await again.nextChange();
    await project.publish("dev", 1);
    expect(await watch.nextChange()).toMatchObject({ sequence: 1 });
    expectRefusal(kind, await watch.end(), "unauthenticated");
    // The new key's stream has no end.
    await again.nextChange();
    await project.publish("dev", 2);
    expect(await again.nextChange()).toMatchObject({ sequence: 2 });
  });

  it("when its token expires", async () => {
    const { dev, watch } = await openExpiring(kind);
    expectRefusal(kind, await watch.end(), "unauthenticated");
    await expectRefused(kind, dev, dev.whoami(), "unauthenticated");
  });

  it("when its environment is deleted", async () => {
    const { project, watch, bystander } = await open(kind);
    await using _ = bystander;
    await server.admin.organizations.deleteEnvironment({ ...project.place.dev, force: true });
    expectRefusal(kind, await watch.end(), "not_found");
    await project.publish("staging", 1);
    expect(await bystander.nextChange()).toMatchObject({ sequence: 1 });
  });

  it("when its project is deleted", async () => {
    const { project, watch, bystander } = await open(kind);
    await server.admin.organizations.deleteProject({ ...project.place.dev, force: true });
    expectRefusal(kind, await watch.end(), "not_found");
    expectRefusal(kind, await bystander.end(), "not_found");
  });

  it("when the server shuts down, and the server need not wait for it", async () => {
    await using own = await startTestServer({ SIGNET_SHUTDOWN_GRACE_MS: "600000" });
    const project = await createTestProject(own, "shutdown");
    const dev = kind.open(own.url, project.runtimeToken.dev);
    const watch = new Watching(dev);
    await watch.nextChange();
    const stopped = own.server[Symbol.asyncDispose]();
    expectRefusal(kind, await watch.end(), "unavailable");
    await watch[Symbol.asyncDispose]();
    await dev[Symbol.asyncDispose]();
    await stopped;
  });
});

// The end of a session is the same for all protocols: two of them will do.
describe.each(STREAMING.filter(({ name }) => ["grpc-js", "rest NDJSON"].includes(name)))("over $name", (kind) => {
  it("a long grace does not carry a stream beyond its token's expiry", async () => {
    const { dev, watch, keyId } = await openExpiring(kind);
    await using _ = watch;
    await server.admin.tokens.rotateToken({ orgId: server.orgId, keyId, graceSeconds: 3600 });
    expectRefusal(kind, await endsOnceRefused(watch, dev), "unauthenticated");
  });

  it("a second rotation does not carry the stream of the first key beyond that key's end", async () => {
    const { dev, watch, bystander, keyId } = await open(kind);
    await using _ = bystander;
    await using __ = watch;
    await server.admin.tokens.rotateToken({ orgId: server.orgId, keyId, graceSeconds: 1 });
    await server.admin.tokens.rotateToken({ orgId: server.orgId, keyId, graceSeconds: 3600 });
    expectRefusal(kind, await endsOnceRefused(watch, dev), "unauthenticated");
  });
});

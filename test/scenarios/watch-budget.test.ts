import { describe, expect, it } from "vitest";
import { startTestServer } from "../support/server.js";
import { STREAMING } from "./drivers/all.js";
import type { Driver } from "./drivers/driver.js";
import { createTestProject } from "./project.js";
import { expectRefused, Watching } from "./watching.js";

/** Tries again until there is room: each try is a round trip, and the first that is let in ends it. */
async function openWhenFree(driver: Driver): Promise<Watching> {
  for (;;) {
    const watch = new Watching(driver);
    try {
      await watch.nextChange();
      return watch;
    } catch (thrown) {
      if (driver.failure(thrown).reason !== "too_many_streams") throw thrown;
    }
  }
}

describe.each(STREAMING)("with room for one stream over $name", (kind) => {
  it("a second one is refused and told when to come back, and the first goes on", async () => {
    await using server = await startTestServer({ SIGNET_MAX_STREAMS: "1" });
    const project = await createTestProject(server, "budget");
    await using dev = kind.open(server.url, project.runtimeToken.dev);
    await using first = new Watching(dev);
    await first.nextChange();

    const failure = await expectRefused(kind, dev, new Watching(dev).next(), "rate_limited");
    expect(failure).toMatchObject({ reason: "too_many_streams", retryAfterSeconds: 10 });
    // Another token from the same address has no room either.
    await using staging = kind.open(server.url, project.runtimeToken.staging);
    await expectRefused(kind, staging, new Watching(staging).next(), "rate_limited");

    await project.publish("dev", 1);
    expect(await first.nextChange()).toMatchObject({ sequence: 1 });
    // Polls have a budget of their own.
    expect(await dev.latest()).toMatchObject({ sequence: 1 });
  });

  it("an abort while idle lets the next one in", async () => {
    await using server = await startTestServer({ SIGNET_MAX_STREAMS: "1" });
    const project = await createTestProject(server, "abort");
    await using dev = kind.open(server.url, project.runtimeToken.dev);
    const first = new Watching(dev);
    await first.nextChange();
    await expectRefused(kind, dev, new Watching(dev).next(), "rate_limited");
    const idle = first.next();
    first.abort();
    await expect(idle).rejects.toThrow();
    await using next = await openWhenFree(dev);
    await project.publish("dev", 1);
    expect(await next.nextChange()).toMatchObject({ sequence: 1 });
  });

  it("a revoked stream lets the next one in", async () => {
    await using server = await startTestServer({ SIGNET_MAX_STREAMS: "1" });
    const project = await createTestProject(server, "revoked");
    await using dev = kind.open(server.url, project.runtimeToken.dev);
    const first = new Watching(dev);
    await first.nextChange();
    await server.admin.tokens.revokeToken({ orgId: server.orgId, keyId: await project.runtimeTokenId("dev") });
    await first.end();
    await using staging = kind.open(server.url, project.runtimeToken.staging);
    await using _ = await openWhenFree(staging);
  });
});

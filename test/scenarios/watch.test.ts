import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startTestServer, type TestServer } from "../support/server.js";
import { STREAMING } from "./drivers/all.js";
import type { DriverKind } from "./drivers/driver.js";
import { createTestProject } from "./project.js";
import { expectRefused, Watching } from "./watching.js";

let server: TestServer;
let projects = 0;
beforeAll(async () => {
  server = await startTestServer({ SIGNET_HEARTBEAT_MS: "200" });
});
afterAll(() => server[Symbol.asyncDispose]());

async function open(kind: DriverKind) {
  const project = await createTestProject(server, `watch-${(projects += 1)}`);
  return { project, dev: kind.open(server.url, project.runtimeToken.dev) };
}

describe.each(STREAMING)("a watch over $name", (kind) => {
  it("says at once that nothing is active, and then what becomes active", async () => {
    const { project, dev } = await open(kind);
    await using watch = new Watching(dev);
    expect(await watch.next()).toMatchObject({ event: "nothing_active", sequence: 0, document: null });
    await project.publish("dev", 1);
    expect(await watch.nextChange()).toMatchObject({ event: "activation", sequence: 1, version: 1, kind: "publish" });
  });

  it("says at once what is active", async () => {
    const { project, dev } = await open(kind);
    await project.publish("dev", 1);
    await using watch = new Watching(dev);
    const first = await watch.next();
    expect(first).toMatchObject({ event: "activation", sequence: 1, version: 1 });
    expect(first.document).toBe((await dev.latest()).document);
  });

  it.each([
    { afterSequence: 0, event: "activation" },
    { afterSequence: 1, event: "activation" },
    { afterSequence: 2, event: "activation" },
    { afterSequence: 3, event: "heartbeat" },
    { afterSequence: 4, event: "activation" },
    { afterSequence: 4_294_967_295, event: "activation" },
  ])("resumes at $afterSequence of 3 with one $event, and misses nothing after", async ({ afterSequence, event }) => {
    const { project, dev } = await open(kind);
    for (const n of [1, 2, 3]) await project.publish("dev", n);
    await using watch = new Watching(dev, { afterSequence });
    expect(await watch.next()).toMatchObject({ event, sequence: 3 });
    await project.publish("dev", 4);
    expect(await watch.nextChange()).toMatchObject({ event: "activation", sequence: 4, version: 4 });
  });

  it("does not call a runtime current that has another activation of the same number, as after a restore", async () => {
    const { project, dev } = await open(kind);
    await project.publish("dev", 1);
    const lost = "0b6f3f4e-7c0b-4d55-9a3e-8d1f0a6e2c11";
    await using watch = new Watching(dev, { afterSequence: 1, afterDeploymentId: lost });
    const first = await watch.next();
    expect(first).toMatchObject({ event: "activation", sequence: 1 });
    await using again = new Watching(dev, { afterSequence: 1, afterDeploymentId: first.deploymentId ?? "" });
    expect(await again.next()).toMatchObject({ event: "heartbeat", sequence: 1 });
    await project.publish("dev", 2);
    expect(await again.nextChange()).toMatchObject({ event: "activation", sequence: 2 });
  });

  it("loses nothing to a reader who keeps up, and a burst ends on the newest", async () => {
    const { project, dev } = await open(kind);
    await using watch = new Watching(dev);
    await watch.nextChange();
    for (const n of [1, 2, 3, 4, 5]) {
      await project.publish("dev", n);
      expect(await watch.nextChange()).toMatchObject({ sequence: n, version: n });
    }
    const burst = Promise.all(Array.from({ length: 30 }, (_, at) => project.publish("dev", 6 + at)));
    const messages = await watch.until(35);
    await burst;
    const sequences = messages.map(({ sequence }) => sequence);
    expect(sequences).toEqual([...new Set(sequences)].sort((a, b) => a - b));
    expect(sequences.at(-1)).toBe(35);
    expect(messages.at(-1)?.document).toBe((await dev.latest()).document);
    // Nothing comes twice: the next message is a heartbeat.
    expect(await watch.next()).toMatchObject({ event: "heartbeat", sequence: 35 });
  });

  it("tells two activations of the same content as two sequences", async () => {
    const { project, dev } = await open(kind);
    await project.publish("dev", 1);
    await using watch = new Watching(dev);
    const seen = [await watch.nextChange()];
    for (let times = 0; times < 2; times += 1) {
      await server.admin.bundles.activateBundle({ ...project.place.dev, version: 1 });
      seen.push(await watch.nextChange());
    }
    expect(seen.map(({ sequence, version }) => [sequence, version])).toEqual([
      [1, 1],
      [2, 1],
      [3, 1],
    ]);
    expect(new Set(seen.map(({ policyHash }) => policyHash)).size).toBe(1);
    expect(new Set(seen.map(({ document }) => document)).size).toBe(1);
    expect(new Set(seen.map(({ deploymentId }) => deploymentId)).size).toBe(3);
  });

  it("never sees another environment or project", async () => {
    const { project, dev } = await open(kind);
    const other = await createTestProject(server, `other-${projects}`);
    await using watch = new Watching(dev);
    await watch.nextChange();
    await project.publish("staging", 7);
    await project.publish("prod", 8);
    await other.publish("dev", 9);
    await server.admin.bundles.promoteBundle({ ...project.place.dev, sourceEnv: "staging" });
    await project.publish("dev", 1);
    const message = await watch.nextChange();
    expect(message).toMatchObject({ sequence: 1, version: 1 });
    expect(JSON.parse(message.document ?? "")).toMatchObject({
      environment: "dev",
      project_id: project.projectId,
      policies: { n: 1 },
    });
  });

  it("beats while nothing changes, with the cursor to come back with", async () => {
    const { project, dev } = await open(kind);
    await project.publish("dev", 1);
    await using watch = new Watching(dev);
    await watch.nextChange();
    for (let beats = 0; beats < 3; beats += 1) {
      expect(await watch.next()).toMatchObject({ event: "heartbeat", sequence: 1, document: null, version: null });
    }
  });

  it("a publication that does not activate is not told", async () => {
    const { project, dev } = await open(kind);
    await using watch = new Watching(dev);
    await watch.nextChange();
    await server.admin.bundles.publishBundle({ ...project.place.dev, policies: "{}", activate: false });
    expect(await watch.next()).toMatchObject({ event: "heartbeat", sequence: 0 });
    await server.admin.bundles.activateBundle({ ...project.place.dev, version: 1 });
    expect(await watch.nextChange()).toMatchObject({ event: "activation", sequence: 1, kind: "activate" });
  });
});

describe.each(STREAMING.filter(({ family }) => family === "rest"))("Last-Event-ID over $name", (kind) => {
  it.each([
    { id: "1", event: "activation" },
    { id: "2", event: "heartbeat" },
    { id: "3", event: "activation" },
  ])("$id of 2 is answered with one $event, whatever the query says", async ({ id, event }) => {
    const { project, dev } = await open(kind);
    for (const n of [1, 2]) await project.publish("dev", n);
    await using watch = new Watching(dev, { afterSequence: id === "2" ? 1 : 2, headers: { "Last-Event-ID": id } });
    expect(await watch.next()).toMatchObject({ event, sequence: 2 });
  });

  it.each([
    ["of this activation", (id: string) => id, "heartbeat"],
    [
      "of another activation of the same number",
      (id: string) => id.replace(/.$/, (end) => (end === "0" ? "1" : "0")),
      "activation",
    ],
  ])("with the id %s is answered with one %s", async (_, idOf, event) => {
    const { project, dev } = await open(kind);
    await project.publish("dev", 1);
    const { deploymentId } = await dev.latest();
    const header = { "Last-Event-ID": `1.${idOf(deploymentId)}` };
    await using watch = new Watching(dev, { afterSequence: 7, afterDeploymentId: deploymentId, headers: header });
    expect(await watch.next()).toMatchObject({ event: event as "heartbeat", sequence: 1 });
  });

  it.each(["abc", "-1", "1.", ".1", "1.x.y", "0x2", "99999999999", `1.${"a".repeat(65)}`])(
    "%s is refused before anything is sent",
    async (id) => {
      const { project, dev } = await open(kind);
      await project.publish("dev", 1);
      const watch = new Watching(dev, { headers: { "Last-Event-ID": id } });
      await expectRefused(kind, dev, watch.next(), "invalid");
    },
  );
});

it.each(STREAMING)("a watch over $name is for runtime tokens only", async (kind) => {
  const { project } = await open(kind);
  const { rawKey } = await server.admin.tokens.createCiToken(project.place.dev);
  await using ci = kind.open(server.url, rawKey ?? "");
  await expectRefused(kind, ci, new Watching(ci).next(), "forbidden");
});

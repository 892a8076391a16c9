import { expect, it } from "vitest";
import { startTestServer } from "../support/server.js";
import { STREAMING } from "./drivers/all.js";
import { createTestProject } from "./project.js";
import { Watching } from "./watching.js";

const PUBLICATIONS = 50;
const FILLER = 200_000;

it("readers who stop reading slow nobody, skip what was superseded and end on the newest", async () => {
  await using server = await startTestServer({ SIGNET_HEARTBEAT_MS: "200" });
  const project = await createTestProject(server, "slow");
  const drivers = STREAMING.map((kind) => ({ name: kind.name, dev: kind.open(server.url, project.runtimeToken.dev) }));
  const slow = drivers.map(({ name, dev }) => ({ name, watch: new Watching(dev) }));
  for (const { watch } of slow) expect(await watch.next()).toMatchObject({ event: "nothing_active" });

  const quick = drivers.map(({ name, dev }) => ({ name, watch: new Watching(dev) }));
  for (const { watch } of quick) await watch.nextChange();
  for (let n = 1; n <= PUBLICATIONS; n += 1) {
    await project.publish("dev", n, FILLER);
    // Nobody of the quick waits for one of the slow.
    for (const { name, watch } of quick) expect(await watch.nextChange(), name).toMatchObject({ sequence: n });
  }

  const newest = await drivers[0]?.dev.latest();
  for (const { name, watch } of slow) {
    const messages = await watch.until(PUBLICATIONS);
    const sequences = messages.map(({ sequence }) => sequence);
    expect(sequences, name).toEqual([...new Set(sequences)].sort((a, b) => a - b));
    expect(messages.at(-1)?.document, name).toBe(newest?.document);
    // What it had not taken was not queued for it.
    expect(sequences.length, `${name}: ${sequences.join(" ")}`).toBeLessThan(PUBLICATIONS);
    const next = await watch.next();
    expect(next, name).toMatchObject({ event: "heartbeat", sequence: PUBLICATIONS });
  }
  for (const { watch } of [...slow, ...quick]) await watch[Symbol.asyncDispose]();
  for (const { dev } of drivers) await dev[Symbol.asyncDispose]();
});

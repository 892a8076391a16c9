import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { ADMIN_TOKEN } from "../support/server.js";
import { BalancerRig, RigWatcher } from "./balancer-rig.js";
import { BALANCERS } from "./balancers.js";

const AS_ADMIN = { "x-api-key": ADMIN_TOKEN };

it("tries each file that is shipped", () => {
  const packaging = join(import.meta.dirname, "../../packaging");
  const shipped = readdirSync(join(packaging, "balancer")).map((name) => `balancer/${name}`);
  expect([...shipped, "compose/haproxy.cfg"].toSorted()).toEqual(BALANCERS.map(({ file }) => file).toSorted());
});

describe.each(BALANCERS)("packaging/$file", (balancer) => {
  const { file, program, tls, probes } = balancer;
  const isInstalled = spawnSync(program, ["-v"]).error === undefined;
  if (!isInstalled) console.log(`${program} is not installed: packaging/${file} is not tried`);

  it("carries REST and gRPC, spreads them, and outlives nodes", async () => {
    if (!isInstalled) return;
    await using rig = await BalancerRig.open(balancer);
    const whoami = async () => (await rig.get("/v1/whoami", AS_ADMIN)).status;
    await using watcher = await RigWatcher.start(rig);
    await watcher.connected(1);
    await watcher.reaches(await rig.publish());
    for (let n = 0; n < 6; n += 1) expect(await whoami()).toBe(200);
    for (const node of rig.nodes) expect(node.taken).toBeGreaterThan(0);

    // One node after the other is killed, so the stream's node too; the last one has all.
    for (const node of rig.nodes.slice(1)) {
      await node.cut();
      expect(await whoami()).toBe(200);
      await watcher.reaches(await rig.publish());
    }
    expect(watcher.events.filter(({ type }) => type === "rejected")).toEqual([]);
  });

  it("passes on which client called, whatever that one claims", async () => {
    if (!isInstalled) return;
    await using rig = await BalancerRig.open(balancer);
    const claim = { "x-forwarded-for": "203.0.113.7" };
    const { status, body } = await rig.get("/v1/system/echo", { ...AS_ADMIN, ...claim });
    expect(status).toBe(200);
    expect(JSON.parse(body)).toMatchObject({ client_address: "127.0.0.1", trusted_proxies: tls === "node" ? 0 : 1 });
  });

  if (!probes || tls === "node") return;
  it("keeps streams, and polls, while no node has its database", async () => {
    if (!isInstalled) return;
    await using rig = await BalancerRig.open(balancer);
    await using watcher = await RigWatcher.start(rig);
    await watcher.connected(1);
    await watcher.reaches(await rig.publish());
    const asRuntime = { "x-api-key": await rig.runtimeToken("poller") };
    for (const node of rig.nodes) node.isUnready = true;
    await rig.says(/backend '?signet'? has no server available/);
    expect((await rig.get("/v1/bundles/latest", asRuntime)).status).toBe(200);
    await watcher.reaches(await rig.publish());
    expect(watcher.events.filter(({ type }) => type === "connected")).toHaveLength(1);
  });
});

import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startRelay, type Attack } from "../attacks/trust/relay.js";
import { Site, type Served } from "../attacks/trust/site.js";
import { until } from "../sdk/runtime/scripted-signet.js";
import { flippedPayload, flippedSignature } from "../vectors/make/tamper.js";
import { openReader, startAgent } from "./agents.js";
import { openSource, optionsOf, scratchDirectory } from "./sources.js";

let site: Site;

beforeAll(async () => {
  site = await Site.open();
  await site.publish();
  await site.publish();
});
afterAll(async () => {
  await site[Symbol.asyncDispose]();
});

const instead = ({ attestation, content }: Served): Attack => ({
  attestation: () => attestation,
  content: () => content,
});
const each = (change: (envelope: string) => string, field: "lease" | "activation" | "release"): Attack => ({
  attestation: (genuine) => ({ ...genuine, [field]: change(genuine[field] ?? "") }),
});

/** The whole list is in the vectors: conformance.test.ts. */
const ATTACKS: readonly (readonly [name: string, code: string, attack: () => Promise<Attack>])[] = [
  ["replay of an older pack", "rolled_back", async () => instead(site.served.at(-2) as Served)],
  ["another project's pack", "wrong_identity", async () => instead(await site.servedToAnotherProject())],
  ["bit of signature: lease", "bad_signature", async () => each(flippedSignature, "lease")],
  ["bit of payload: activation", "mix_and_match", async () => each(flippedPayload, "activation")],
  ["bit of signature: release", "bad_signature", async () => each(flippedSignature, "release")],
  ["content changed", "digest_mismatch", async () => ({ content: (text) => text.replace("number", "NUMBER") })],
];

describe.each(["sse", "poll"] as const)("an agent behind a hostile relay, by %s", (transport) => {
  it.each(ATTACKS)("refuses %s, and its readers keep what they have", async (_name, code, attack) => {
    await using relay = await startRelay("http", site.signet.url, site.token);
    await using agent = await startAgent(site, { source: { url: relay.url, transports: [transport] } });
    await until(() => agent.source.current !== null);
    await using runtime = await openReader(site, agent.url, { transports: ["sse"] });
    const { sequence } = await runtime.ready();
    relay.attack = await attack();
    await site.publish();
    await until(() => agent.source.status.refusalsByCode.has(code));
    expect(agent.source.current?.sequence).toBe(sequence);
    expect(runtime.current?.sequence).toBe(sequence);
    expect(runtime.status.refusal).toBeNull();
    expect(await (await agent.get("/metrics")).text()).toContain(
      `signet_agent_refusals_total{environment="dev",code="${code}"}`,
    );
    relay.attack = null;
    const next = await site.publish();
    await until(() => runtime.current?.sequence === next);
  });
});

describe("a runtime behind a hostile agent", () => {
  it.each(ATTACKS)("refuses %s itself", async (_name, code, attack) => {
    await using agent = await startAgent(site);
    await using relay = await startRelay("http", agent.url, site.token);
    await until(() => agent.source.current !== null);
    await using runtime = await openReader(site, relay.url, { transports: ["sse"] });
    const { sequence } = await runtime.ready();
    relay.attack = await attack();
    await site.publish();
    await until(() => runtime.status.refusal !== null);
    expect(runtime.status.refusal?.code).toBe(code);
    expect(runtime.current?.sequence).toBe(sequence);
  });
});

describe("an agent that is killed while it writes", () => {
  it("serves what is whole, with the server away, and goes on", { timeout: 60_000 }, async () => {
    await using directory = await scratchDirectory();
    const options = JSON.stringify(await optionsOf(site, directory.path));
    const program = `
      import { openPackSource } from ${JSON.stringify(new URL("../../src/agent/source/pack-source.ts", import.meta.url).href)};
      const options = JSON.parse(process.argv.at(-1));
      const soon = { baseMs: 20, maxMs: 40, random: Math.random };
      const source = await openPackSource({ ...options, keeps: ["document"], backoff: soon, refusalBackoff: soon });
      for await (const { sequence } of source.updates()) console.log(sequence);
    `;
    for (let kill = 0; kill < 3; kill += 1) {
      const arguments_ = ["--import", "tsx", "--input-type=module", "--eval", program, options];
      const child = spawn(process.execPath, arguments_, { stdio: ["ignore", "pipe", "inherit"] });
      const gone = once(child, "exit");
      await once(child.stdout, "data");
      // Each is written when the next one comes: the kill falls into a write of one of them.
      const publishing = [site.publish(), once(child.stdout, "data")];
      await Promise.all(publishing);
      child.kill("SIGKILL");
      await gone;
      await using away = await openSource(site, directory.path, { url: "http://127.0.0.1:1" });
      expect(away.status.state).toBe("fresh");
      expect(away.current).not.toBeNull();
      expect(away.status.cacheError).toBeNull();
    }
    await using back = await openSource(site, directory.path, { keeps: ["document"] });
    const sequence = await site.publish();
    await until(() => back.current?.sequence === sequence);
    await back.current?.document();
    const [folder = ""] = await readdir(directory.path);
    const names = await readdir(join(directory.path, folder));
    expect(names.filter((name) => name.startsWith("document-"))).toHaveLength(1);
    expect(names).not.toContain("lock");
  });
});

import { readFileSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { Site } from "../attacks/trust/site.js";
import { until } from "../sdk/runtime/scripted-signet.js";
import { ADMIN_TOKEN } from "../support/server.js";
import { openReader } from "./agents.js";
import { scratchDirectory } from "./sources.js";
import { configIn, devIn, WholeAgent } from "./whole.js";

let site: Site;
let scratch: Awaited<ReturnType<typeof scratchDirectory>>;
let dev: Readonly<Record<string, unknown>>;

beforeAll(async () => {
  site = await Site.open();
  await site.publish();
});
afterAll(async () => {
  await site[Symbol.asyncDispose]();
});
beforeEach(async () => {
  scratch = await scratchDirectory();
  dev = await devIn(scratch.path, site);
});
afterEach(async () => {
  await scratch[Symbol.asyncDispose]();
});

const LOCAL = "127.0.0.1:0";
const config = (value: Readonly<Record<string, unknown>>) => configIn(scratch.path, value);
const sample = (text: string, name: string) => Number(new RegExp(`^signet_agent_${name} (\\S+)$`, "m").exec(text)?.[1]);

describe("the metrics of an agent", () => {
  it("are those of docs/agent.md, with these types and labels", async () => {
    const document = readFileSync(new URL("../../docs/agent.md", import.meta.url), "utf8");
    const documented = [...document.matchAll(/^- `((?:signet_agent|process)_\w+)` \((\w+)(?:; labels? ([^)]*))?\)/gm)]
      .map(([, name, type, labels = ""]) => `${name} ${type} ${labels.replaceAll("`", "")}`.trim())
      .toSorted();
    await using whole = await WholeAgent.start(
      config({ serve: LOCAL, environments: [{ ...dev, outputs: [{ policies: "p.json" }], run: "true" }] }),
    );
    await whole.agent.ready();
    await fetch(`${whole.url}/v1/policies/latest`);
    const text = await whole.metrics();
    const exposed = [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name = "", type]) => {
      const [, labels = ""] = new RegExp(`^${name}\\{(.*)\\}`, "m").exec(text) ?? [];
      const names = [...labels.matchAll(/(\w+)="/g)].map(([, label]) => label);
      return `${name} ${type} ${names.join(", ")}`.trim();
    });
    // No update was refused, so there is no sample that shows its labels.
    const shown = exposed.map((line) => (line.includes("_refusals_") ? `${line} environment, code` : line));
    expect(shown.toSorted()).toEqual(documented);
  });

  it("count what became of files and commands", async () => {
    const run = `test ! -e ${join(scratch.path, "bad")}`;
    await using whole = await WholeAgent.start(
      config({ serve: LOCAL, environments: [{ ...dev, outputs: [{ policies: "p.json" }], run }] }),
    );
    await whole.agent.ready();
    const [{ follower }] = whole.agent.environments as [(typeof whole.agent.environments)[number]];
    const good = await whole.metrics();
    const changedAt = sample(good, 'outputs_last_change_seconds\\{environment="dev"\\}');
    expect(changedAt).toBeGreaterThan(1_600_000_000);
    await writeFile(join(scratch.path, "bad"), "");
    const outcome = follower?.next();
    const rejected = await site.publish();
    expect(await outcome).toMatchObject({ state: "rejected" });
    const text = await whole.metrics();
    for (const line of [
      ['outputs_state\\{environment="dev",state="rejected"\\}', 1],
      ['outputs_sequence\\{environment="dev"\\}', rejected - 1],
      ['outputs_last_change_seconds\\{environment="dev"\\}', changedAt],
      ['outputs_applied_total\\{environment="dev"\\}', 1],
      ['outputs_rejected_total\\{environment="dev"\\}', 1],
      ['outputs_command_failures_total\\{environment="dev",action="check"\\}', 0],
      ['outputs_command_failures_total\\{environment="dev",action="apply"\\}', 1],
      ['outputs_command_failures_total\\{environment="dev",action="rollback"\\}', 1],
    ] as const) {
      expect([line[0], sample(text, line[0])]).toEqual(line);
    }
  });

  it("are the same at the address for probes, of whose readers there are none", async () => {
    await using whole = await WholeAgent.start(
      config({ serve: { listen: LOCAL, health_listen: "0.0.0.0:0" }, environments: [dev] }),
    );
    await whole.agent.ready();
    await using runtime = await openReader(site, whole.url);
    await runtime.ready();
    const port = new URL(whole.agent.urls[1] ?? "").port;
    const probe = `http://127.0.0.1:${port}`;
    expect(sample(await whole.metrics(probe), 'readers\\{kind="watch"\\}')).toBe(1);
    expect((await fetch(`${probe}/readyz`)).status).toBe(200);
    expect((await fetch(`${probe}/v1/bundles/latest`)).status).toBe(404);
  });
});

describe("a change of the configuration while readers are served", () => {
  it("leaves the streams of what did not change, and ends those of what did", async () => {
    const serve = LOCAL;
    const other = { ...dev, name: "staging" };
    await using whole = await WholeAgent.start(config({ serve, environments: [dev, other] }));
    await whole.agent.environments[0]?.ready();
    await using stays = await openReader(site, `${whole.url}/dev`);
    await stays.ready();
    const { connections } = stays.status;
    const ended = await fetch(`${whole.url}/staging/v1/bundles/watch`, { headers: { accept: "text/event-stream" } });
    await whole.agent.reload(config({ serve, environments: [dev] }));
    expect(await ended.text()).toMatch(/event: error\ndata: .*"stopping"/);
    // Now it is the only one, and has both paths.
    expect((await fetch(`${whole.url}/v1/bundles/latest`)).status).toBe(200);
    const sequence = await site.publish();
    await until(() => stays.current?.sequence === sequence);
    expect(stays.status.connections).toBe(connections);
  });

  it("serves on from an environment that was opened again", async () => {
    const serve = LOCAL;
    await using whole = await WholeAgent.start(config({ serve, environments: [dev] }));
    await whole.agent.ready();
    await using runtime = await openReader(site, whole.url);
    await runtime.ready();
    await whole.agent.reload(config({ serve, environments: [{ ...dev, labels: { rack: "7" } }] }));
    const sequence = await site.publish();
    await until(() => runtime.current?.sequence === sequence);
    expect((await fetch(`${whole.url}/readyz`)).status).toBe(200);
    const elsewhere = config({ serve: "127.0.0.1:1", environments: [dev] });
    await expect(whole.agent.reload(elsewhere)).rejects.toThrow("another address to serve at needs a restart");
  });
});

describe("the end of an agent", () => {
  it("is told to its readers, and frees its address", async () => {
    const whole = await WholeAgent.start(config({ serve: LOCAL, environments: [dev] }));
    await whole.agent.ready();
    const watch = await fetch(`${whole.url}/v1/bundles/watch`, { headers: { accept: "text/event-stream" } });
    const { url } = whole;
    await whole[Symbol.asyncDispose]();
    expect(await watch.text()).toMatch(/event: error\ndata: .*"stopping"/);
    await expect(fetch(`${url}/healthz`)).rejects.toThrow();
  });
});

describe("an agent at level 0", () => {
  it("verifies with the environment's keys alone, writes files, and serves runtimes that have these keys", async () => {
    const { orgId, url, admin } = site.signet;
    const { keys } = await admin.bundles.listKeys({});
    const pems = keys.filter(({ purpose }) => purpose === "attestation").map((key) => key.publicKeyPem);
    await writeFile(join(scratch.path, "keys.pem"), pems.join(""));
    const { name, token } = dev;
    const level0 = { name, token, url, keys: "keys.pem", org: orgId, project: site.projectId };
    const outputs = [{ policies: "p.json" }, { document: "d.json" }];
    await using whole = await WholeAgent.start(config({ serve: LOCAL, environments: [{ ...level0, outputs }] }));
    await whole.agent.ready();
    const sequence = await site.publish();
    await until(() => whole.agent.environments[0]?.follower?.status.applied?.sequence === sequence);
    const policies = await readFile(join(scratch.path, "p.json"), "utf8");
    await using runtime = await openReader(site, whole.url, { trust: { keys: pems } });
    await runtime.ready();
    expect(runtime.current?.policies).toEqual(JSON.parse(policies));
    const answer = await fetch(`${whole.url}/v1/bundles/latest`);
    expect(await answer.text()).toBe(await readFile(join(scratch.path, "d.json"), "utf8"));
  });
});

describe("decision logs", () => {
  it("go to the server as they are, and the server's answer to the OPA", async () => {
    const forwarding = config({ serve: { listen: LOCAL, decision_logs: "forward" }, environments: [dev] });
    await using whole = await WholeAgent.start(forwarding);
    await whole.agent.ready();
    const post = async (body: string, coding?: string) => {
      const headers = coding === undefined ? {} : { "content-encoding": coding };
      const bytes = coding === undefined ? Buffer.from(body) : gzipSync(body);
      return await fetch(`${whole.url}/v1/opa/logs`, { method: "POST", body: new Uint8Array(bytes), headers });
    };
    const before = await decisionsOf(site);
    expect((await post('[{"decision_id":"1"},{"decision_id":"2"}]', "gzip")).status).toBe(200);
    expect((await post('[{"decision_id":"3"}]')).status).toBe(200);
    expect((await decisionsOf(site)) - before).toBe(3);
    const refused = await post("{");
    expect([refused.status, await refused.text()]).toEqual([400, expect.stringContaining("the server did not take")]);
    // The server's count is the one that counts.
    expect(sample(await whole.metrics(), 'opa_decisions_total\\{environment="dev"\\}')).toBe(0);
  });

  it("are not lost while the server is away: the OPA hears of it", async () => {
    const serve = { listen: LOCAL, decision_logs: "forward" };
    await using whole = await WholeAgent.start(
      config({ serve, environments: [{ ...dev, url: "http://127.0.0.1:1" }] }),
    );
    const answer = await fetch(`${whole.url}/v1/opa/logs`, { method: "POST", body: "[]" });
    expect([answer.status, answer.headers.get("retry-after")]).toEqual([503, "10"]);
  });
});

/** Decisions that the server has counted. */
async function decisionsOf({ signet }: Site): Promise<number> {
  const answer = await fetch(`${signet.url}/metrics`, { headers: { authorization: `Bearer ${ADMIN_TOKEN}` } });
  return Number(/^signet_opa_decisions_total (\d+)$/m.exec(await answer.text())?.[1] ?? 0);
}

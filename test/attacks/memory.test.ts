import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { startServerProcess } from "../chaos/server-process.js";
import { ADMIN_TOKEN } from "../support/server.js";

/** 15.7 MB: one key of 5 M characters, in which 400 members change. As a JSON Patch it is 2 GB. */
const longKey = (value: number) => {
  const members = Array.from({ length: 400 }, (_, index) => `"m${index}":${value}`).join(",");
  return `{"policies":{"${"k".repeat(5_000_000)}":{${members}},"fill":"${"x".repeat(10_700_000)}"}}`;
};

let directory = "";
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "signet-memory-"));
});
afterEach(async () => {
  await rm(directory, { recursive: true, force: true });
});

describe("a server with a heap of 256 MiB", () => {
  it("answers every publish and diff of the largest documents somehow, and probes at once", async () => {
    const server = await startServerProcess(directory, { NODE_OPTIONS: "--max-old-space-size=256" });
    const headers = { authorization: `Bearer ${ADMIN_TOKEN}`, "content-type": "application/json" };
    const get = async (path: string) => await (await fetch(server.url + path, { headers })).json();
    const { org_id } = (await get("/v1/whoami")) as { org_id: string };
    const [project] = (await get(`/v1/orgs/${org_id}/projects`)) as { id: string }[];
    const environment = `${server.url}/v1/orgs/${org_id}/projects/${project?.id}/envs/dev/bundles`;
    const publish = async (value: number) => {
      const answer = await fetch(`${environment}/publish`, { method: "POST", headers, body: longKey(value) });
      const { version } = (await answer.json()) as { version: number };
      return { status: answer.status, version };
    };
    const diff = async (from: number, to: number) => {
      const answer = await fetch(`${environment}/${from}/diff/${to}`, { headers });
      return { status: answer.status, text: await answer.text() };
    };

    const first = await publish(1);
    const second = await publish(2);
    expect([first.status, second.status]).toEqual([200, 200]);
    const refused = await diff(first.version, second.version);
    expect(refused).toMatchObject({ status: 413, text: expect.stringContaining("compare them locally") as string });

    const flood = [
      ...Array.from({ length: 8 }, (_, value) => publish(value + 3)),
      ...Array.from({ length: 16 }, () => diff(first.version, second.version)),
    ];
    const probes: number[] = [];
    let isOver = false;
    const statuses = Promise.all(flood).then((answers) => answers.map(({ status }) => status));
    void statuses.finally(() => (isOver = true)).catch(() => undefined);
    while (!isOver) probes.push((await fetch(`${server.url}/healthz`)).status);
    for (const status of await statuses) expect([200, 413, 503]).toContain(status);
    expect(await statuses).toContain(503);
    expect(new Set(probes)).toEqual(new Set([200]));
    expect((await publish(99)).status).toBe(200);
    expect(await server.end("SIGTERM")).toEqual({ code: 0, signal: null });
  }, 300_000);
});

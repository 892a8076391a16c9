import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { driveCase, type ClientEnd, type RunClient } from "./drive.js";
import { allCases } from "./make/all-cases.js";
import { formatPacks, PACKS, readPacks } from "./packs.js";
import { runSmallClient } from "./small-client.js";
import { createVectorServer } from "./vector-server.js";

const here = fileURLToPath(new URL(".", import.meta.url));
const cases = [...readPacks().values()].flat();
const server = createVectorServer();
let url = "";

beforeAll(async () => {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => {
  server.close();
  server.closeAllConnections();
});

/** A process, as `run.ts` starts it. */
async function run(command: string, args: readonly string[], now = ""): Promise<ClientEnd> {
  const child = spawn(process.execPath, ["--import", "tsx", `${here}${command}`, ...args], {
    env: { ...process.env, SIGNET_NOW: now },
  });
  const out = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const)
    child[name].on("data", (text: Buffer) => (out[name] += String(text)));
  const [exitCode] = (await once(child, "close")) as [number | null];
  return { exitCode, ...out };
}

const inProcess: RunClient = async (args, now) => {
  const end = await runSmallClient(args, now);
  return { exitCode: end.error === null ? 0 : 1, stdout: `${JSON.stringify(end)}\n`, stderr: "" };
};

describe("the conformance kit", () => {
  it("is what its generator makes", async () => {
    const all = await allCases();
    for (const [file, made] of all) {
      expect(readFileSync(`${PACKS}${file}.json`, "utf8") === formatPacks(made), `${file}.json is stale`).toBe(true);
    }
    expect([...readPacks().keys()].toSorted()).toEqual([...all.keys()].toSorted());
  });

  it("counts its cases in its README", () => {
    const fail = cases.filter(({ must }) => must === "fail").length;
    const counted = `${cases.length} cases: ${fail} must fail, ${cases.length - fail} must pass.`;
    expect(readFileSync(`${here}README.md`, "utf8")).toContain(counted);
  });

  it("is passed by the smallest client, over HTTP", async () => {
    const failed: Record<string, readonly string[]> = {};
    for (const one of cases) {
      const flaws = await driveCase(one, url, inProcess);
      if (flaws.length > 0) failed[one.name] = flaws;
    }
    expect(failed).toEqual({});
  });

  it("drives a command line, and says what a client does wrong", async () => {
    const client = [process.execPath, "--import", "tsx", `${here}small-client.ts`];
    const good = await run("run.ts", ["--only", "first-contact", ...client]);
    expect(good).toMatchObject({ exitCode: 0, stdout: "1 of 1 cases passed\n" });
    const liar = [process.execPath, "-e", 'console.log(JSON.stringify({state:"fresh",sequence:7,error:null}))', "--"];
    const bad = await run("run.ts", ["--only", "declares-1-tb", ...liar]);
    expect(bad).toMatchObject({ exitCode: 1, stderr: "" });
    expect(bad.stdout).toContain("FAILED declares 1 TB (declares-1-tb, must fail)");
    expect(bad.stdout).toContain('init: state is "fresh", not "empty"');
  });

  it("serves each step under a path of its own, and lists them", async () => {
    const list = (await (await fetch(`${url}/cases`)).json()) as { readonly cases: readonly unknown[] };
    expect(list.cases).toHaveLength(cases.length);
    const base = `${url}/cases/root-skips/1`;
    expect((await fetch(`${base}/v1/trust/roots/2`)).status).toBe(200);
    expect((await fetch(`${base}/v1/trust/roots/3`)).status).toBe(404);
    expect((await fetch(`${url}/cases/restart-then-replay/2/v1/bundles/latest/attestation`)).status).toBe(503);
    expect((await fetch(`${url}/cases/root-skips/9/v1/bundles/latest/content`)).status).toBe(404);
  });
});

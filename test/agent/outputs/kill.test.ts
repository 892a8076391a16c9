import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdir, readFile, readlink } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { fakePack } from "../fake-source.js";
import { Rig, rule, shell } from "./rig.js";

const OUTPUTS = join(import.meta.dirname, "../../../dist/src/agent/outputs");

/** Applies an activation, and kills its own process at a step: the log tells of each. */
const PROGRAM = `
const [directory, run, at] = process.argv.slice(1);
const { EnvironmentOutputs } = await import("${OUTPUTS}/environment-outputs.js");
const { Journal } = await import("${OUTPUTS}/journal.js");
let steps = 0;
const log = {
  debug: () => { if ((steps += 1) === Number(at)) process.kill(process.pid, "SIGKILL"); },
  info: () => {}, warn: () => {}, error: () => {},
};
const rules = ["policies", "files"].map((kind) => ({ kind, path: directory + "/" + kind, mode: null, directoryMode: 0o755 }));
const outputs = new EnvironmentOutputs({
  rules, log, check: null, run: { argv: ["/bin/sh", "-c", run], shown: run, timeoutMs: 30000 },
  journal: await Journal.open(directory + "/state", "prod"),
  inherited: () => ({ PATH: process.env.PATH }), signal: new AbortController().signal,
});
await outputs.tidy();
const text = '{"number":2}';
await outputs.apply({
  sequence: 2, deploymentId: "d-2", version: 2, policyHash: "sha256:2", policies: async () => Buffer.from(text),
  opaFiles: () => [{ name: "signet/data.json", bytes: Buffer.from('{"policies":' + text + ',"scope_policies":{}}') }],
});
`;

/** Returns whether it was killed. */
async function runAndKill(directory: string, run: string, at: number): Promise<boolean> {
  const child = spawn(process.execPath, ["--input-type=module", "-e", PROGRAM, directory, run, String(at)], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  const [, signal] = (await once(child, "exit")) as [number | null, string | null];
  return signal === "SIGKILL";
}

/** What the outputs have; each is whole. */
async function read(rig: Rig): Promise<readonly [policies: number, files: number]> {
  const policies = JSON.parse(await readFile(rig.path("policies"), "utf8")) as { number: number };
  const data = JSON.parse(await readFile(rig.path("files/signet/data.json"), "utf8")) as { policies: typeof policies };
  return [policies.number, data.policies.number];
}

it.each([
  ["is followed by one that ends the change", "", [2, 2], "apply 2 2"],
  // The rollback alone, or the whole again.
  ["is followed by one that ends the rollback", '; test "$SIGNET_SEQUENCE" != 2', [1, 1], "rollback 1 1"],
] as const)("a process that is killed at any step leaves whole outputs, and %s", async (_, end, last, lastRun) => {
  let killed = 0;
  for (let at = 1; ; at += 1) {
    await using rig = await Rig.open();
    const run = `echo "$SIGNET_ACTION $SIGNET_SEQUENCE $(tr -cd 12 < ${rig.path("policies")})" >> ${rig.path("log")}${end}`;
    const rules = [rule("policies", rig.path("policies")), rule("files", rig.path("files"))];
    const options = { rules, run: shell(run) };
    await (await rig.outputs(options)).apply(fakePack(1));
    const wasKilled = await runAndKill(rig.directory, run, at);
    const [policies, files] = await read(rig);
    expect([1, 2], `step ${at}`).toContain(policies);
    expect([1, 2], `step ${at}`).toContain(files);
    if (wasKilled) {
      killed += 1;
      const outcome = await (await rig.outputs(options)).apply(fakePack(2));
      expect(outcome.state, `step ${at}`).toBe(end === "" ? "applied" : "rejected");
    }
    expect(await read(rig), `step ${at}`).toEqual(last);
    expect((await readFile(rig.path("log"), "utf8")).trim().split("\n").at(-1), `step ${at}`).toBe(lastRun);
    // Nothing is left beside them.
    expect((await readdir(rig.directory)).toSorted()).toEqual([".files.sets", "files", "log", "policies", "state"]);
    expect(await readdir(rig.path(".files.sets"))).toContain((await readlink(rig.path("files"))).split("/")[1]);
    expect(await readdir(rig.path("state"))).toEqual(["prod.json"]);
    await (await rig.outputs(options)).tidy();
    expect(await readdir(rig.path(".files.sets"))).toHaveLength(1);
    if (!wasKilled) break;
  }
  expect(killed).toBeGreaterThan(8);
});

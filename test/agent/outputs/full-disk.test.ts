import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { fakePack } from "../fake-source.js";
import { Rig, rule } from "./rig.js";

const OUTPUTS = join(import.meta.dirname, "../../../dist/src/agent/outputs");

/** Applies an activation with a text of a size, and prints what became of it. */
const PROGRAM = `
const [directory, size] = process.argv.slice(1);
const { EnvironmentOutputs } = await import("${OUTPUTS}/environment-outputs.js");
const { Journal } = await import("${OUTPUTS}/journal.js");
const log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
const rules = ["policies", "files"].map((kind) => ({ kind, path: directory + "/" + kind, mode: null, directoryMode: 0o755 }));
const outputs = new EnvironmentOutputs({
  rules, log, check: null, run: null, journal: await Journal.open(directory + "/state", "prod"),
  inherited: () => ({}), signal: new AbortController().signal,
});
await outputs.tidy();
console.log(JSON.stringify(await outputs.apply({
  sequence: 2, deploymentId: "d-2", version: 2, policyHash: "sha256:2", policies: async () => Buffer.from('{"number":2}'),
  opaFiles: () => [{ name: "signet/data.json", bytes: Buffer.alloc(Number(size), " ") }],
})));
`;

/** A process that may write no file of more than 64 KiB: half of one is written, as on a disk that has become full. */
async function applyBelowLimit(directory: string, size: number): Promise<unknown> {
  const program = ["--fsize=65536", process.execPath, "--input-type=module", "-e", PROGRAM, directory, String(size)];
  const child = spawn("prlimit", program, { stdio: ["ignore", "pipe", "inherit"] });
  const chunks: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => chunks.push(chunk));
  await once(child, "close");
  return JSON.parse(Buffer.concat(chunks).toString());
}

it("a write that the system ends halfway leaves every output as it was, and nothing beside them", async () => {
  await using rig = await Rig.open();
  const rules = [rule("policies", rig.path("policies")), rule("files", rig.path("files"))];
  await (await rig.outputs({ rules })).apply(fakePack(1));
  const before = await readdir(rig.path(".files.sets"));
  expect(await applyBelowLimit(rig.directory, 200_000)).toEqual({
    ...{ state: "rejected", isTemporary: true },
    reason: expect.stringMatching(/^cannot write \S+\/signet\/data\.json: file too large$/),
  });
  expect(await readFile(rig.path("policies"), "utf8")).toBe('{"number":1}');
  expect(await readdir(rig.path(".files.sets"))).toEqual(before);
  expect((await readdir(rig.directory)).toSorted()).toEqual([".files.sets", "files", "policies", "state"]);
  expect(await applyBelowLimit(rig.directory, 2_000)).toEqual({ state: "applied", hasChanged: true });
  expect(await readFile(rig.path("policies"), "utf8")).toBe('{"number":2}');
});

import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { describe, expect, it, vi } from "vitest";
import type { OutputsOptions } from "../../../src/agent/outputs/environment-outputs.js";
import { OutputsFollower } from "../../../src/agent/outputs/outputs-follower.js";
import { fakePack, FakeSource } from "../fake-source.js";
import { Rig, rule, shell } from "./rig.js";

async function follow(rig: Rig, source: FakeSource, options: Partial<OutputsOptions>): Promise<OutputsFollower> {
  const outputs = await rig.outputs(options);
  const backoff = { baseMs: 10, maxMs: 10, random: () => 0.5 };
  return new OutputsFollower({ source, outputs, log: rig.log, stop: rig.stop, now: () => new Date(0), backoff });
}

const until = (check: () => boolean | Promise<boolean>) =>
  vi.waitFor(async () => expect(await check()).toBe(true), { timeout: 20_000, interval: 5 });

describe("outputs that follow a source", () => {
  it("are brought to what is there at the start and to each change, and the fleet view is told", async () => {
    await using rig = await Rig.open();
    const source = new FakeSource();
    source.current = fakePack(1);
    await using follower = await follow(rig, source, { rules: [rule("policies", rig.path("p"))] });
    expect(await follower.next()).toMatchObject({ state: "applied" });
    source.push(fakePack(2));
    expect(await follower.next()).toMatchObject({ state: "applied" });
    expect(await readFile(rig.path("p"), "utf8")).toBe('{"number":2}');
    expect(source.reports).toEqual([
      { sequence: 1, state: "applied" },
      { sequence: 2, state: "applied" },
    ]);
    expect(follower.status).toMatchObject({ state: "applied", sequence: 2, appliedCount: 2, applied: { version: 2 } });
  });

  it("skip what is superseded while a command runs", async () => {
    await using rig = await Rig.open();
    const source = new FakeSource();
    const wait = `while test ! -e ${rig.path("go")}; do sleep 0.02; done`;
    const run = shell(`echo $SIGNET_SEQUENCE >> ${rig.path("runs")}; ${wait}`);
    await using follower = await follow(rig, source, { rules: [rule("policies", rig.path("p"))], run });
    source.push(fakePack(1));
    await until(async () => (await readFile(rig.path("runs"), "utf8").catch(() => "")) !== "");
    for (const sequence of [2, 3, 4]) source.push(fakePack(sequence));
    expect(follower.status).toMatchObject({ state: "applying", sequence: 1 });
    await writeFile(rig.path("go"), "");
    await until(() => follower.status.sequence === 4 && follower.status.state === "applied");
    expect(await readFile(rig.path("runs"), "utf8")).toBe("1\n4\n");
    expect(source.reports.map(({ sequence }) => sequence)).toEqual([1, 4]);
  });

  it("are tried again when they cannot be written, and the fleet view is told once, and when they can", async () => {
    await using rig = await Rig.open();
    const source = new FakeSource();
    await writeFile(rig.path("dir"), "in the way");
    await using follower = await follow(rig, source, { rules: [rule("policies", rig.path("dir/p"))] });
    source.push(fakePack(1));
    for (let tries = 0; tries < 3; tries += 1) expect(await follower.next()).toMatchObject({ isTemporary: true });
    expect(source.reports).toMatchObject([{ sequence: 1, state: "rejected" }]);
    expect(follower.status).toMatchObject({ state: "rejected", rejectedCount: 1, applied: null });
    await rm(rig.path("dir"));
    await mkdir(rig.path("dir"));
    await until(() => follower.status.state === "applied");
    expect(source.reports).toMatchObject([{ state: "rejected" }, { sequence: 1, state: "applied" }]);
  });

  it("run a command that failed again when they are asked to, and repair what was changed by hand", async () => {
    await using rig = await Rig.open();
    const source = new FakeSource();
    const run = shell(`test -e ${rig.path("ok")}`);
    await using follower = await follow(rig, source, { rules: [rule("policies", rig.path("p"))], run });
    source.push(fakePack(1));
    expect(await follower.next()).toMatchObject({ state: "rejected" });
    await writeFile(rig.path("ok"), "");
    follower.again();
    expect(await follower.next()).toMatchObject({ state: "applied" });
    await writeFile(rig.path("p"), "by hand");
    await chmod(rig.path("p"), 0o600);
    follower.again();
    expect(await follower.next()).toMatchObject({ state: "applied", hasChanged: true });
    expect(await readFile(rig.path("p"), "utf8")).toBe('{"number":1}');
  });

  it("that are stopped while a command runs leave it for the next start, which runs it again", async () => {
    await using rig = await Rig.open();
    const source = new FakeSource();
    const rules = [rule("policies", rig.path("p"))];
    const run = shell(`echo $SIGNET_SEQUENCE >> ${rig.path("runs")}; test -e ${rig.path("go")} || exec sleep 600`);
    {
      await using _ = await follow(rig, source, { rules, run });
      source.push(fakePack(1));
      await until(async () => (await readFile(rig.path("runs"), "utf8").catch(() => "")) !== "");
    }
    expect(source.reports).toEqual([]);
    await writeFile(rig.path("go"), "");
    const outputs = await rig.outputs({ rules, run, signal: new AbortController().signal });
    expect(await outputs.apply(fakePack(1))).toMatchObject({ state: "applied", hasChanged: true });
    expect(await readFile(rig.path("runs"), "utf8")).toBe("1\n1\n");
  });
});

/** Reads a file and a set over and over, and ends with what was torn, missing or older than before. Writes a point for each time. */
const READER = `
const { readFileSync, readdirSync, realpathSync } = await import("node:fs");
const [file, set] = process.argv.slice(1);
let newest = [0, 0];
process.stdin.on("end", () => process.exit()).resume();
const numberIn = (path) => JSON.parse(readFileSync(path, "utf8"));
(function read() {
  const one = numberIn(file).number;
  const at = realpathSync(set);
  const two = numberIn(at + "/a.json");
  const three = numberIn(at + "/b/c.json");
  if (two !== three || readdirSync(at).length !== 2) throw new Error("torn: " + two + " " + three);
  if (one < newest[0] || two < newest[1]) throw new Error("older: " + one + " " + two);
  newest = [one, two];
  process.stdout.write(".");
  setImmediate(read);
})();
`;

it("a reader never meets a torn or missing file, nor half of a set", async () => {
  await using rig = await Rig.open();
  const outputs = await rig.outputs({ rules: [rule("policies", rig.path("p")), rule("files", rig.path("set"))] });
  const pack = (sequence: number) => {
    const text = `${sequence}${" ".repeat(50_000)}`;
    return fakePack(sequence, { files: { "a.json": text, "b/c.json": text }, policies: { number: sequence, text } });
  };
  await outputs.apply(pack(1));
  const reader = spawn(process.execPath, ["--input-type=module", "-e", READER, rig.path("p"), rig.path("set")], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const exit = once(reader, "exit");
  const nextRead = () => Promise.race([once(reader.stdout, "data"), exit]);
  await nextRead();
  for (let sequence = 2; sequence <= 40 && reader.exitCode === null; sequence += 1) {
    expect(await outputs.apply(pack(sequence))).toMatchObject({ state: "applied" });
    // A set stays until the one after it is replaced: no read may last longer.
    await nextRead();
  }
  reader.stdin.end();
  expect(await exit).toEqual([0, null]);
});

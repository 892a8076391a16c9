import { readdir, readFile, readlink, writeFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { inheritedEnvironment } from "../../../src/agent/outputs/command-environment.js";
import { runCommand } from "../../../src/agent/outputs/command.js";
import { fakePack } from "../fake-source.js";
import { Rig, rule, shell } from "./rig.js";

const run = async (text: string, timeoutMs?: number, signal = new AbortController().signal) => {
  const lines: string[] = [];
  const environment = { PATH: process.env["PATH"] ?? "" };
  const result = await runCommand(shell(text, timeoutMs), {
    environment,
    signal,
    onLine: (line) => lines.push(line),
  });
  return { ...result, lines };
};

describe("a command", () => {
  it("fails with its exit code and its last lines, both streams, invisible characters escaped", async () => {
    const { isOk, reason, lines } = await run(
      "for i in 1 2 3 4 5 6; do echo line $i; done; printf 'red \\033[31m' >&2; exit 3",
    );
    expect(isOk).toBe(false);
    expect(reason).toContain("ended with exit code 3: line 3 | line 4 | line 5 | line 6 | red \\u001b[31m");
    expect(lines).toContain("line 1");
  });

  it("may write more than anybody wants to read", async () => {
    const { isOk, lines } = await run("yes | head -c 3000000; head -c 100000 /dev/zero | tr '\\0' x");
    expect(isOk).toBe(true);
    expect(lines).toHaveLength(201);
    expect(lines.at(-1)).toMatch(/^14998\d\d more lines were dropped$/);
  });

  it("that does not end is ended after its time, with all that it started", async () => {
    await using rig = await Rig.open();
    const pid = rig.path("pid");
    const { isOk, isInterrupted, reason } = await run(`sh -c 'echo $$ > ${pid}; exec sleep 600' & wait`, 300);
    expect({ isOk, isInterrupted }).toEqual({ isOk: false, isInterrupted: false });
    expect(reason).toMatch(/did not end within 0\.3 s/);
    expect(await isRunning(await pidIn(pid))).toBe(false);
  });

  it("may leave a process in the background, which keeps its output open, and is not waited for", async () => {
    await using rig = await Rig.open();
    const { isOk } = await run(`sleep 600 & echo $! > ${rig.path("pid")}`);
    expect(isOk).toBe(true);
    process.kill(await pidIn(rig.path("pid")), "SIGKILL");
  });

  it("that is not there says so", async () => {
    const environment = { PATH: "/nonexistent" };
    const { signal } = new AbortController();
    const missing = { argv: ["signet-no-such-program"], shown: "signet-no-such-program", timeoutMs: 1000 } as const;
    const { reason } = await runCommand(missing, { environment, signal, onLine: () => undefined });
    expect(reason).toBe("cannot start signet-no-such-program: no such file or directory");
  });

  it("inherits no setting of the agent, no token and no socket of systemd", () => {
    const own = {
      PATH: "/bin",
      SIGNET_TOKEN: "t",
      PROD: "t0ken",
      COPY: "Bearer t0ken",
      NOTIFY_SOCKET: "/run/x",
      LANG: "C",
    };
    expect(inheritedEnvironment(own, ["PROD"], ["t0ken", ""])).toEqual({ PATH: "/bin", LANG: "C" });
  });
});

/** Not one that has ended and that nobody has waited for. */
async function isRunning(pid: number): Promise<boolean> {
  const text = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
  return text !== "" && !/\) Z /.test(text);
}

async function pidIn(file: string): Promise<number> {
  const text = await readFile(file, "utf8");
  expect(text).toMatch(/^\d+\n$/);
  return Number(text);
}

describe("the command after a change", () => {
  it("is told of the activation, the one before, and where the outputs are", async () => {
    await using rig = await Rig.open();
    const rules = [rule("policies", rig.path("a.json")), rule("policies", rig.path("b.json"))];
    const outputs = await rig.outputs({ rules, run: shell(`env | grep ^SIGNET_ | sort > ${rig.path("env")}`) });
    await outputs.apply(fakePack(1));
    const pack = fakePack(4);
    await outputs.apply(pack);
    expect((await readFile(rig.path("env"), "utf8")).trim().split("\n")).toEqual([
      "SIGNET_ACTION=apply",
      "SIGNET_DEPLOYMENT_ID=d-4",
      `SIGNET_POLICIES=${rig.path("a.json")}`,
      `SIGNET_POLICIES_2=${rig.path("b.json")}`,
      `SIGNET_POLICY_HASH=${pack.policyHash}`,
      "SIGNET_PREVIOUS_DEPLOYMENT_ID=d-1",
      `SIGNET_PREVIOUS_POLICY_HASH=${fakePack(1).policyHash}`,
      "SIGNET_PREVIOUS_SEQUENCE=1",
      "SIGNET_PREVIOUS_VERSION=1",
      "SIGNET_SEQUENCE=4",
      "SIGNET_VERSION=4",
    ]);
  });

  it("runs when a file changed, after a restart not again, and without outputs at each activation", async () => {
    await using rig = await Rig.open();
    const count = async () => (await readFile(rig.path("runs"), "utf8")).length;
    const options = { rules: [rule("policies", rig.path("p"))], run: shell(`printf x >> ${rig.path("runs")}`) };
    const same = { policies: { a: 1 } };
    const outputs = await rig.outputs(options);
    await outputs.apply(fakePack(1, same));
    await outputs.apply(fakePack(2, same));
    await (await rig.outputs(options)).apply(fakePack(2, same));
    expect(await count()).toBe(1);
    await outputs.apply(fakePack(3));
    expect(await count()).toBe(2);
    const bare = await rig.outputs({ run: options.run, rules: [] });
    await bare.apply(fakePack(3));
    await bare.apply(fakePack(3));
    await bare.apply(fakePack(4));
    expect(await count()).toBe(4);
  });

  it("puts back what was before when it fails, runs again for that, and says why", async () => {
    await using rig = await Rig.open();
    const rules = [rule("policies", rig.path("p.json")), rule("files", rig.path("set"))];
    const log = rig.path("log");
    const text = `echo "$SIGNET_ACTION $SIGNET_SEQUENCE $(cat "$SIGNET_POLICIES")" >> ${log}; ! grep -q 2 "$SIGNET_POLICIES" || { echo "bad policy"; exit 5; }`;
    const outputs = await rig.outputs({ rules, run: shell(text) });
    await outputs.apply(fakePack(1));
    const before = await readlink(rig.path("set"));
    expect(await outputs.apply(fakePack(2))).toEqual({
      state: "rejected",
      reason: "the command ended with exit code 5: bad policy",
      isTemporary: false,
    });
    expect(await readFile(rig.path("p.json"), "utf8")).toBe('{"number":1}');
    expect(await readlink(rig.path("set"))).toBe(before);
    expect(await readFile(log, "utf8")).toBe('apply 1 {"number":1}\napply 2 {"number":2}\nrollback 1 {"number":1}\n');
    expect(outputs.applied?.sequence).toBe(1);
    expect((await readdir(rig.directory)).toSorted()).toEqual([".set.sets", "log", "p.json", "set", "state"]);
    expect(await readdir(rig.path(".set.sets"))).toHaveLength(1);
    expect(await outputs.apply(fakePack(3))).toMatchObject({ state: "applied" });
  });

  it("that fails the first time leaves no files, or those that somebody else had put there", async () => {
    await using rig = await Rig.open();
    await writeFile(rig.path("theirs"), "by hand");
    const rules = [
      rule("policies", rig.path("new")),
      rule("content", rig.path("theirs")),
      rule("files", rig.path("set")),
    ];
    const outputs = await rig.outputs({ rules, run: shell("exit 1") });
    const outcome = await outputs.apply(fakePack(1));
    expect((outcome as { reason: string }).reason).toBe(
      "the command ended with exit code 1; after the rollback it ended with exit code 1",
    );
    expect((await readdir(rig.directory)).toSorted()).toEqual([".set.sets", "state", "theirs"]);
    expect(await readdir(rig.path(".set.sets"))).toEqual([]);
    expect(await readFile(rig.path("theirs"), "utf8")).toBe("by hand");
  });
});

describe("the check before a change", () => {
  it("reads the new files beside the old ones, and when it fails nothing was replaced and nothing ran", async () => {
    await using rig = await Rig.open();
    const rules = [rule("policies", rig.path("p.json"))];
    const check = shell(
      `test "$SIGNET_ACTION" = check && ! grep -q 2 "$SIGNET_POLICIES" && grep -q number "$SIGNET_POLICIES"`,
    );
    const outputs = await rig.outputs({ rules, check, run: shell(`printf x >> ${rig.path("runs")}`) });
    expect(await outputs.apply(fakePack(1))).toMatchObject({ state: "applied" });
    const outcome = await outputs.apply(fakePack(2));
    expect(outcome).toMatchObject({ state: "rejected", isTemporary: false });
    expect((outcome as { reason: string }).reason).toBe("the check ended with exit code 1");
    expect(await readFile(rig.path("p.json"), "utf8")).toBe('{"number":1}');
    expect(await readFile(rig.path("runs"), "utf8")).toBe("x");
    expect((await readdir(rig.directory)).toSorted()).toEqual(["p.json", "runs", "state"]);
  });
});

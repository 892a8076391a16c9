import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createTestProject, type TestProject } from "../scenarios/project.js";
import { ADMIN_TOKEN, startTestServer, type TestServer } from "../support/server.js";
import { runSignet, type RunOptions } from "./in-process.js";

let server: TestServer;
let project: TestProject;

beforeAll(async () => {
  server = await startTestServer();
});

afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

async function fleet(name: string) {
  project = await createTestProject(server, name);
}

const signet = (argv: readonly string[], options: RunOptions = {}) =>
  runSignet([...argv, "--project", project.projectId], {
    environment: { SIGNET_URL: server.url, SIGNET_TOKEN: ADMIN_TOKEN },
    ...options,
  });

function report(instanceId: string, sequence: number, state: "applied" | "rejected" = "applied", reason = "") {
  const request = { instanceId, state, sequence, ...(reason === "" ? {} : { reason }) };
  return server.clientFor(project.runtimeToken.prod).runtimes.reportStatus(request);
}

describe("signet rollout status", () => {
  it("has nothing to tell where nothing is active: 4, and names what is there for a wrong environment", async () => {
    await fleet("nothing");
    const nothing = await signet(["rollout", "status", "--env", "prod"]);
    expect(nothing).toEqual({ exitCode: 4, out: "", err: 'signet: nothing is active in "prod"\n' });
    const wrong = await signet(["rollout", "status", "--env", "prd"]);
    expect([wrong.exitCode, wrong.err]).toEqual([4, expect.stringContaining("existing: dev, staging, prod")]);
  });

  it("without a live instance has nothing to wait for: 0, unless some are wanted: 9", async () => {
    await fleet("empty");
    await project.publish("prod", 1);
    const argv = ["rollout", "status", "--env", "prod", "--wait", "--timeout", "1s"];
    const said = "prod: sequence 1 (version 1): no live instance";
    expect(await signet(argv)).toEqual({ exitCode: 0, out: `${said}\n`, err: "" });
    const wanted = await signet([...argv, "--at-least", "1"]);
    expect(wanted).toEqual({ exitCode: 9, out: `${said}; at least 1 wanted; gave up after 1 s\n`, err: "" });
  });

  it("lists who did not apply it and why, escaped; with --json as the API does", async () => {
    await fleet("laggards");
    await project.publish("prod", 1);
    await report("slow", 1);
    await report("good", 1);
    await project.publish("prod", 2);
    await report("good", 2);
    await report("bad\u202e", 2, "rejected", "unknown_key: no such key");
    const { exitCode, out } = await signet(["rollout", "status", "--env", "prod"]);
    expect(exitCode).toBe(9);
    const [said, , first, second, ...more] = out.trimEnd().split("\n");
    expect(said).toBe("prod: sequence 2 (version 2): applied by 1 of 3 live instances, 1 behind, 1 rejected");
    expect(first).toMatch(/^bad\\u202e +rejected .*unknown_key: no such key$/);
    expect(second).toMatch(/^slow +behind +1 +1 +no /);
    expect(more).toEqual([]);
    const json = await signet(["rollout", "status", "--env", "prod", "--json"]);
    expect(json.exitCode).toBe(9);
    expect(JSON.parse(json.out)).toMatchObject({
      complete: false,
      live: 3,
      applied: 1,
      laggards: [{ reason: "unknown_key: no such key" }, {}],
    });
  });

  it("--wait ends when the last one applied it, and shows on a terminal how far it is", async () => {
    await fleet("waiting");
    await project.publish("prod", 1);
    await report("a", 1);
    await project.publish("prod", 2);
    let told = false;
    const waiting = signet(["rollout", "status", "--env", "prod", "--wait"], { isErrTerminal: true });
    await expect
      .poll(async () => {
        if (!told) await report("a", 2);
        return (told = true);
      })
      .toBe(true);
    expect(await waiting).toMatchObject({
      exitCode: 0,
      out: "prod: sequence 2 (version 2): applied by 1 of 1 live instance\n",
    });
  });

  it("--wait gives up in time, and says so", async () => {
    await fleet("late");
    await project.publish("prod", 1);
    await report("a", 1);
    await project.publish("prod", 2);
    const { exitCode, out, err } = await signet(["rollout", "status", "--env", "prod", "--wait", "--timeout", "1"], {
      isErrTerminal: true,
    });
    expect(exitCode).toBe(9);
    expect(out).toContain("applied by 0 of 1 live instance, 1 behind; gave up after 1 s\n");
    expect(err).toBe("prod: sequence 2 (version 2): applied by 0 of 1 live instance, 1 behind\n");
  });

  it("--wait is interrupted: 130", async () => {
    await fleet("interrupted");
    await project.publish("prod", 1);
    await report("a", 1);
    await project.publish("prod", 2);
    const stop = new AbortController();
    const waiting = signet(["rollout", "status", "--env", "prod", "--wait"], { signal: stop.signal });
    setImmediate(() => stop.abort(130));
    expect(await waiting).toEqual({ exitCode: 130, out: "", err: "" });
  });
});

describe("--wait", () => {
  it.each([
    ["publish", ["publish", "-f", "-", "--env", "prod"], 2],
    ["promote", ["promote", "--from", "staging"], 2],
    ["activate", ["activate", "1", "--env", "prod"], 2],
    ["rollback", ["rollback", "--to", "1", "--env", "prod"], 2],
  ])("of %s follows its own activation", async (name, argv, sequence) => {
    await fleet(`wait ${name}`);
    await project.publish("prod", 1);
    await project.publish("staging", 1);
    await report("a", 1);
    const waiting = signet([...argv, "--wait", "--wait-timeout", "1s"], { stdin: '{"n":2}' });
    const { exitCode, out } = await waiting;
    expect(exitCode).toBe(9);
    expect(out).toMatch(new RegExp(`prod: sequence ${sequence} .*1 behind; gave up after 1 s$`, "m"));
  });

  it("is refused where nothing is activated, and its time without it", async () => {
    await fleet("refused");
    for (const more of [
      ["--wait", "--no-activate"],
      ["--wait-timeout", "1m"],
      ["--wait", "--wait-timeout", "5d"],
    ]) {
      const { exitCode, out } = await signet(["publish", "-f", "-", "--env", "dev", ...more], { stdin: "{}" });
      expect({ exitCode, out }, more.join(" ")).toEqual({ exitCode: 2, out: "" });
    }
    expect((await server.admin.bundles.listBundles(project.place.dev)).bundles).toEqual([]);
  });

  it("follows a newer activation, and says so", async () => {
    await fleet("newer");
    await project.publish("prod", 1);
    await report("a", 1);
    await project.publish("prod", 2);
    const waiting = signet(["activate", "1", "--env", "prod", "--wait"]);
    await expect.poll(async () => (await server.admin.runtimes.getRollout(project.place.prod)).activeSequence).toBe(3);
    await project.publish("prod", 4);
    await report("a", 4);
    const { exitCode, out, err } = await waiting;
    expect(exitCode).toBe(0);
    expect(out).toContain("prod: sequence 4 (version 3): applied by 1 of 1 live instance\n");
    expect(err).toBe("sequence 4 took the place of 3: following it\n");
  });
});

describe("signet runtimes", () => {
  it("lists across environments and projects, and finds what is behind or rejects", async () => {
    await fleet("first");
    await project.publish("prod", 1);
    await project.publish("dev", 1);
    await report("a", 1);
    await report("b", 1, "rejected", "no");
    await server
      .clientFor(project.runtimeToken.dev)
      .runtimes.reportStatus({ instanceId: "c", state: "applied", sequence: 1 });
    const rows = async (...argv: readonly string[]) => {
      const { exitCode, out, err } = await signet(["runtimes", "--json", ...argv]);
      expect(exitCode, err).toBe(0);
      const { data } = JSON.parse(out) as { data: { environment: string; instance_id: string }[] };
      return data.map((row) => `${row.environment}/${row.instance_id}`).sort();
    };
    expect(await rows()).toEqual(["dev/c", "prod/a", "prod/b"]);
    expect(await rows("--env", "prod")).toEqual(["prod/a", "prod/b"]);
    expect(await rows("--rejected")).toEqual(["prod/b"]);
    expect(await rows("--behind")).toEqual([]);
    expect(await rows("--connected")).toEqual([]);
    expect(await rows("--not-connected", "--live", "--applied", "1")).toEqual(["dev/c", "prod/a"]);
    const { out } = await runSignet(["runtimes", "--all-projects", "--limit", "100"], {
      environment: { SIGNET_URL: server.url, SIGNET_TOKEN: ADMIN_TOKEN },
    });
    expect(out).toMatch(/^PROJECT +ENV +INSTANCE +ROLLOUT +CONNECTED /);
    expect(out).toMatch(/^first +prod +b +rejected +no +rejected /m);
    const wrong = await signet(["runtimes", "--env", "prd"]);
    expect([wrong.exitCode, wrong.err]).toEqual([4, expect.stringContaining("existing: dev, staging, prod")]);
    for (const more of [
      ["--all-projects"],
      ["--behind", "--rejected"],
      ["--connected", "--not-connected"],
      ["--state", "none"],
    ]) {
      expect((await signet(["runtimes", ...more])).exitCode, more.join(" ")).toBe(2);
    }
  });
});

import { chmod, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { OWNER, Site, STRANGER } from "../attacks/trust/site.js";
import { runProcess, Signet } from "../cli/spawned.js";
import { rootEnvelope } from "../support/trust.js";
import { scratchDirectory } from "./sources.js";

let site: Site;
let scratch: Awaited<ReturnType<typeof scratchDirectory>>;

beforeAll(async () => {
  site = await Site.open();
  await site.publish();
});
afterAll(async () => {
  await site[Symbol.asyncDispose]();
});
beforeEach(async () => {
  scratch = await scratchDirectory();
  await mkdir(path("app"));
  await writeFile(path("token"), `${site.token}\n`, { mode: 0o600 });
  await writeFile(path("root.json"), await rootEnvelope(site.root, OWNER));
});
afterEach(async () => {
  await scratch[Symbol.asyncDispose]();
});

const path = (name: string) => join(scratch.path, name);
const numberIn = async (name: string) =>
  (JSON.parse(await readFile(path(name), "utf8")) as { readonly number: number }).number;
const until = (check: () => Promise<boolean>) =>
  vi.waitFor(async () => expect(await check()).toBe(true), { timeout: 30_000, interval: 20 });

/** Flags of an agent of the site's dev. */
const flags = (...more: string[]) => [
  ...["agent", "--url", site.signet.url, "--env", "dev", "--root", path("root.json"), "--state", path("state")],
  ...["--write", `policies=${path("app/policies.json")}`, ...more],
];
const environment = () => ({ SIGNET_TOKEN_FILE: path("token") });

async function instances() {
  const { orgId, admin } = site.signet;
  const { data } = await admin.runtimes.listRuntimes({ orgId, projectId: site.projectId, envName: "dev" });
  return data;
}

describe("signet agent", () => {
  it("writes each activation, says on one line when it is ready, and ends with 0", async () => {
    const sequence = await site.publish();
    await using agent = Signet.start(flags("--instance", "writes"), environment());
    const line = await agent.line(/./);
    expect(line).toMatch(new RegExp(`^signet agent ready: dev at sequence ${sequence} \\(version \\d+\\)$`));
    expect(await numberIn("app/policies.json")).toBe(sequence);
    const next = await site.publish();
    await until(async () => (await numberIn("app/policies.json")) === next);
    await until(async () =>
      (await instances()).some(
        ({ instanceId, state, appliedSequence, agent: name }) =>
          instanceId === "writes" &&
          state === "applied" &&
          appliedSequence === next &&
          name?.startsWith("signet-agent/") === true,
      ),
    );
    expect(await agent.stop()).toBe(0);
    expect(agent.out).toBe(`${line}\n`);
    expect(agent.err + agent.out).not.toContain(site.token);
  });

  it("puts back what was before when the command fails, and the fleet view says why", async () => {
    const sequence = await site.publish();
    const run = `echo "$SIGNET_TOKEN$SIGNET_TOKEN_FILE$SIGNET_ACTION $SIGNET_ENVIRONMENT" >> ${path("ran")}; test ! -e ${path("bad")} || { echo "cannot parse it"; exit 7; }`;
    await using agent = Signet.start(flags("--instance", "fails", "--run", run), environment());
    await agent.line(/ready/);
    await writeFile(path("bad"), "");
    const rejected = await site.publish();
    const isRejected = async () =>
      (await instances()).some((it) => it.instanceId === "fails" && it.state === "rejected");
    await until(isRejected);
    expect((await instances()).find(({ instanceId }) => instanceId === "fails")).toMatchObject({
      appliedSequence: sequence,
      reason:
        "the command ended with exit code 7: cannot parse it; after the rollback it ended with exit code 7: cannot parse it",
    });
    expect(await numberIn("app/policies.json")).toBe(sequence);
    expect(await readFile(path("ran"), "utf8")).toBe("apply dev\napply dev\nrollback dev\n");
    // What was wrong is mended: SIGHUP tries again.
    await rm(path("bad"));
    agent.child.kill("SIGHUP");
    await until(async () => (await numberIn("app/policies.json")) === rejected);
    await until(async () => !(await isRejected()));
    expect(await agent.stop()).toBe(0);
  });

  it("starts from its disk while the server is away, and mends the files", async () => {
    const sequence = await site.publish();
    expect((await runProcess(flags("--once"), environment())).exitCode).toBe(0);
    await writeFile(path("app/policies.json"), "by hand");
    await writeFile(path("app/.signet-new-00000000-0000-4000-8000-000000000000-policies.json"), "half");
    await using agent = Signet.start([...flags(), "--url", "http://127.0.0.1:1"], environment());
    expect(await agent.line(/ready/)).toContain(`sequence ${sequence} `);
    expect(await numberIn("app/policies.json")).toBe(sequence);
    expect(await readdir(path("app"))).toEqual(["policies.json"]);
  });

  it("goes on with what it has when its token is revoked, says so, and takes the next token from the file", async () => {
    const { orgId, admin } = site.signet;
    const { environments } = await admin.organizations.listEnvironments({ orgId, projectId: site.projectId });
    const environmentId = environments.find(({ name }) => name === "dev")?.id ?? "";
    const make = async (name: string) =>
      await admin.tokens.createRuntimeToken({ orgId, projectId: site.projectId, environmentId, name });
    const [first, second] = [await make("first"), await make("second")];
    await writeFile(path("token"), first.rawKey ?? "");
    const sequence = await site.publish();
    await using agent = Signet.start(flags(), environment());
    await agent.line(/ready/);
    await admin.tokens.revokeToken({ orgId, keyId: first.id });
    await agent.errLine(/cannot follow the server/);
    expect(await numberIn("app/policies.json")).toBe(sequence);
    const next = await site.publish();
    await writeFile(path("token"), second.rawKey ?? "");
    agent.child.kill("SIGHUP");
    await until(async () => (await numberIn("app/policies.json")) === next);
  });

  it("is one for a state directory", async () => {
    await using agent = Signet.start(flags(), environment());
    await agent.line(/ready/);
    const { exitCode, err } = await runProcess(flags("--once"), environment());
    expect(exitCode).toBe(5);
    expect(err).toContain(`another signet agent uses the state directory ${path("state")}`);
  });
});

describe("signet agent --config", () => {
  const write = async (text: string) => await writeFile(path("agent.yaml"), text);
  const dev = (more = "") => `
  - name: dev
    token: { file: token }
    outputs:
      - policies: app/dev.json
        mode: "0640"
${more}`;

  it("follows several environments, and SIGHUP takes another configuration or says why not", async () => {
    const sequence = await site.publish();
    const { orgId, admin } = site.signet;
    await admin.bundles.publishBundle({
      ...{ orgId, projectId: site.projectId, envName: "staging", policies: '{"number":4711}' },
    });
    const { environments } = await admin.organizations.listEnvironments({ orgId, projectId: site.projectId });
    const environmentId = environments.find(({ name }) => name === "staging")?.id ?? "";
    const made = await admin.tokens.createRuntimeToken({
      orgId,
      projectId: site.projectId,
      environmentId,
      name: "agent",
    });
    const head = `url: ${site.signet.url}\nroot: root.json\nstate: state\nenvironments:`;
    await write(`${head}${dev()}`);
    await using agent = Signet.start(["agent", "--config", path("agent.yaml")], { STAGING: made.rawKey ?? "" });
    await agent.line(/ready: dev at/);
    expect(await numberIn("app/dev.json")).toBe(sequence);
    const staging = `
  - name: staging
    token: { env: STAGING }
    outputs: [{ policies: app/staging.json }]
    run: [sh, -c, 'env > app/env']
`;
    await write(`${head}${dev("    runs: x")}`);
    agent.child.kill("SIGHUP");
    expect(await agent.errLine(/the previous configuration stays/)).toContain(
      "agent.yaml:10:5: environments.0.runs is not known",
    );
    await write(`${head}${dev()}${staging.replaceAll("app/env", path("app/env"))}`);
    agent.child.kill("SIGHUP");
    await until(async () => (await numberIn("app/staging.json").catch(() => 0)) === 4711);
    await agent.errLine(/were read again/);
    await agent.errLine(/"environment":"staging".*"applied"/);
    expect(await readFile(path("app/env"), "utf8")).not.toContain(made.rawKey);
    expect(await readFile(path("app/env"), "utf8")).toContain("SIGNET_ENVIRONMENT=staging");
    // The one that did not change went on.
    const next = await site.publish();
    await until(async () => (await numberIn("app/dev.json")) === next);
    await write(`${head.replace("state: state", "state: other")}${dev()}`);
    agent.child.kill("SIGHUP");
    await agent.errLine(/another state directory needs a restart/);
    expect(await agent.stop()).toBe(0);
  });

  it("--check asks the server, looks at the outputs, and leaves no trace", async () => {
    await site.publish();
    const check = async (text: string, token = site.token) => {
      await write(text);
      const { exitCode, out } = await runProcess(
        ["agent", "--config", path("agent.yaml"), "--check", "--json", "--wait-timeout", "3"],
        {
          SIGNET_TOKEN: token,
        },
      );
      const [{ problem }] = (JSON.parse(out) as { environments: [{ problem: string | null }] }).environments;
      return [exitCode, problem] as const;
    };
    const text = (url = site.signet.url, output = "app/a.json") =>
      `url: ${url}\nroot: root.json\nenvironments: [{name: dev, outputs: [{policies: ${output}}], run: 'touch ran'}]\n`;
    expect(await check(text())).toEqual([0, null]);
    expect(await check(text(), "signet_rt_wrong")).toEqual([3, expect.stringMatching(/token/)]);
    expect(await check(text("http://127.0.0.1:1"))).toEqual([7, expect.stringMatching(/ECONNREFUSED/)]);
    expect(await check(text(site.signet.url, "app"))).toEqual([6, `${path("app")} is no regular file`]);
    await writeFile(path("root.json"), await rootEnvelope(site.root, STRANGER));
    expect((await runProcess(["agent", "--config", path("agent.yaml"), "--check"], environment())).exitCode).toBe(8);
    expect((await readdir(scratch.path)).toSorted()).toEqual(["agent.yaml", "app", "root.json", "token"]);
    expect(await readdir(path("app"))).toEqual([]);
  });
});

describe("signet agent --once", () => {
  const once = (...more: string[]) => runProcess(flags("--once", "--wait-timeout", "5", ...more), environment());

  it("writes what is active, and ends: 0, and 9 when the command fails", async () => {
    const sequence = await site.publish();
    const { exitCode, out } = await once("--json");
    expect([exitCode, JSON.parse(out)]).toEqual([
      0,
      { environments: [{ environment: "dev", ok: true, sequence, version: expect.any(Number), problem: null }] },
    ]);
    expect(await numberIn("app/policies.json")).toBe(sequence);
    await site.publish();
    const failed = await once("--run", "exit 3");
    expect([failed.exitCode, failed.out]).toEqual([9, expect.stringContaining("the command ended with exit code 3")]);
    expect(await numberIn("app/policies.json")).toBe(sequence);
  });

  it("ends with 7 while the server is away, with what was verified before in place", async () => {
    const sequence = await site.publish();
    expect((await once("--url", "http://127.0.0.1:1")).exitCode).toBe(7);
    expect(await readdir(path("app"))).toEqual([]);
    await once();
    await rm(path("app/policies.json"));
    const away = await once("--url", "http://127.0.0.1:1");
    expect([away.exitCode, away.out]).toEqual([7, expect.stringContaining("what was verified before is in place")]);
    expect(await numberIn("app/policies.json")).toBe(sequence);
  });

  it("ends with 3 for a token that is not good, 4 when nothing is active, 9 where it cannot write", async () => {
    await site.publish();
    await writeFile(path("token"), "signet_rt_wrong");
    expect((await once()).exitCode).toBe(3);
    const { orgId, admin } = site.signet;
    const { environments } = await admin.organizations.listEnvironments({ orgId, projectId: site.projectId });
    const environmentId = environments.find(({ name }) => name === "prod")?.id ?? "";
    const made = await admin.tokens.createRuntimeToken({
      orgId,
      projectId: site.projectId,
      environmentId,
      name: "once",
    });
    await writeFile(path("token"), made.rawKey ?? "");
    const empty = await once("--env", "prod");
    expect([empty.exitCode, empty.out]).toEqual([4, expect.stringContaining("nothing is active")]);
    await writeFile(path("token"), site.token);
    await writeFile(path("file"), "");
    await chmod(path("file"), 0o444);
    const blocked = await once("--write", `content=${path("file/content.json")}`);
    expect([blocked.exitCode, blocked.out]).toEqual([9, expect.stringContaining("cannot ")]);
  });
});

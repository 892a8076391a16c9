import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startTestServer, type TestServer } from "../support/server.js";
import { CI, shell, type Ended } from "./ci-script.js";
import { runGitHub, runGitLab } from "./ci-services.js";
import { Fleet } from "./fleet.js";

const SCRIPT_MS = 60_000;
const GOOD = '{"limit": 1.0, "note": "a \\"sequence\\":99 in a text", "version":{"version":7}}';
const BAD = '{"limit": 2.0, "poison": true}';
const QUIET = '{"limit": 3.0, "silent": true}';

const scratch = mkdtempSync(join(tmpdir(), "signet-ci-"));
let server: TestServer;
let fleet: Fleet;
let runs = 0;

/** A project of its own with two runtimes in dev and one in staging, and a ci token. */
async function open() {
  const { admin, orgId, url } = server;
  const { id: projectId } = await admin.organizations.createProject({ orgId, name: `ci ${(runs += 1)}` });
  const at: TestServer = { ...server, projectId };
  const { rawKey = "" } = await admin.tokens.createCiToken({ orgId, projectId, name: "ci" });
  fleet = new Fleet(at, (document, instance) => {
    if (document.includes('"silent"')) return "silent";
    if (document.includes('"poison"') && instance.endsWith("2"))
      return { rejected: 'no "poison", {"sequence":1} please' };
    return "applied";
  });
  await fleet.join("dev", "dev-1", "dev-2");
  await fleet.join("staging", "staging-1");
  const active = async (envName: string) => {
    const { activeVersion, sequence } = await admin.organizations.getEnvironment({ orgId, projectId, envName });
    return { version: activeVersion, sequence };
  };
  const bundles = async (envName: string) => (await admin.bundles.listBundles({ orgId, projectId, envName })).bundles;
  const run = (args: string, policy: string, env: Readonly<Record<string, string>> = {}): Promise<Ended> => {
    writeFileSync(join(scratch, "policy.json"), policy);
    const settings = {
      SIGNET_URL: url,
      SIGNET_TOKEN: rawKey,
      SIGNET_REVISION: `r${(runs += 1)}`,
      SIGNET_POLL_SECONDS: "0.1",
    };
    return shell(`sh "${CI}/signet.sh" ${args}`, scratch, { ...settings, SIGNET_WAIT_SECONDS: "30", ...env });
  };
  return { ...at, rawKey, run, active, bundles, [Symbol.asyncDispose]: () => fleet[Symbol.asyncDispose]() };
}

beforeAll(async () => {
  server = await startTestServer();
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  rmSync(scratch, { recursive: true });
});

describe("examples/ci/signet.sh", { timeout: SCRIPT_MS }, () => {
  it("publishes with its source, waits for the fleet, and promotes what it published", async () => {
    await using at = await open();
    const from = { SIGNET_REVISION: "0f3a", SIGNET_REPOSITORY: "https://git.example/team/policy" };
    expect(await at.run("publish policy.json dev", GOOD, from)).toMatchObject({
      code: 0,
      out: "environment=dev\nversion=1\nsequence=1\n",
      err: "dev: version 1, sequence 1\ndev: all 2 runtimes applied sequence 1\n",
    });
    const [bundle] = await at.bundles("dev");
    expect(bundle?.source).toMatchObject({ repository: from.SIGNET_REPOSITORY, revision: "0f3a" });
    const { policiesJson } = await at.admin.bundles.getBundle({ ...at, envName: "dev", version: 1 });
    expect(JSON.parse(policiesJson)).toEqual(JSON.parse(GOOD));
    expect(policiesJson).toContain("1.0");
    expect(await at.run("promote dev", GOOD, { ...from, SIGNET_SOURCE_VERSION: "1" })).toMatchObject({
      code: 0,
      out: "environment=staging\nversion=1\nsequence=1\n",
    });
    expect(await at.active("staging")).toEqual({ version: 1, sequence: 1 });
  });

  it("makes nothing twice: neither when it is sent again, nor when nothing changed", async () => {
    await using at = await open();
    const first = await at.run("publish policy.json dev", GOOD, { SIGNET_REVISION: "same" });
    const again = await at.run("publish policy.json dev", GOOD, { SIGNET_REVISION: "same" });
    expect(again).toMatchObject({ code: 0, out: first.out });
    const unchanged = await at.run("publish policy.json dev", GOOD);
    expect(unchanged).toMatchObject({ code: 0, out: first.out });
    expect(unchanged.err).toContain("version 1, sequence 1 was active already");
    expect(await at.bundles("dev")).toHaveLength(1);
  });

  it("shows what would be made, and makes nothing", async () => {
    await using at = await open();
    const checked = await at.run("check policy.json dev", GOOD);
    expect(checked).toMatchObject({ code: 0, out: "", err: "policy.json would be version 1 of dev: 3 changes\n" });
    expect(await at.run("check policy.json dev", "[1")).toMatchObject({ code: 1 });
    expect(await at.bundles("dev")).toEqual([]);
  });

  it("rolls back what a runtime rejects, says why, and leaves what comes after alone", async () => {
    await using at = await open();
    await at.run("publish policy.json dev", GOOD);
    const rejected = await at.run("publish policy.json dev", BAD);
    expect(rejected.code, rejected.err).toBe(3);
    expect(rejected.err).toContain("dev: 1 of 2 runtimes rejected it: no \\");
    expect(rejected.err).toContain("dev was rolled back to version 1, sequence 3");
    expect(await at.active("dev")).toEqual({ version: 1, sequence: 3 });
    const [newest] = (await at.admin.bundles.listDeployments({ ...at, envName: "dev" })).data;
    expect(newest).toMatchObject({ kind: "rollback", reason: "rolled back by CI: the fleet did not apply sequence 2" });
    expect(await at.bundles("staging")).toEqual([]);
  });

  it("rolls back what the fleet does not apply in time, after a promotion too", async () => {
    await using at = await open();
    await at.run("publish policy.json dev", GOOD);
    await at.run("promote dev", GOOD);
    await at.admin.bundles.publishBundle({ ...at, envName: "dev", policies: QUIET });
    const late = await at.run("promote dev", QUIET, { SIGNET_WAIT_SECONDS: "0" });
    expect(late.code, late.err).toBe(3);
    expect(late.err).toContain("staging: 0 of 1 runtimes applied it within 0 seconds");
    expect(await at.active("staging")).toEqual({ version: 1, sequence: 3 });
    expect(await at.active("dev")).toEqual({ version: 2, sequence: 2 });
  });

  it("cannot roll back the first version, nor what was active before it came", async () => {
    await using at = await open();
    const first = await at.run("publish policy.json dev", BAD);
    expect(first.code, first.err).toBe(4);
    expect(first.err).toContain("HTTP 409");
    const unchanged = await at.run("publish policy.json dev", BAD);
    expect(unchanged.code, unchanged.err).toBe(4);
    expect(unchanged.err).toContain("it was active before: nothing to roll back");
    expect(await at.active("dev")).toEqual({ version: 1, sequence: 1 });
  });

  it("leaves a newer activation alone", async () => {
    await using at = await open();
    await at.run("publish policy.json dev", GOOD);
    const waiting = at.run("publish policy.json dev", QUIET);
    const stop = new AbortController();
    const token = await at.admin.tokens.createRuntimeToken({
      ...at,
      environmentId: await idOf(at, "dev"),
      name: "look",
    });
    const watch = at.clientFor(token.rawKey ?? "").runtimes.watchBundle({}, { signal: stop.signal, timeoutMs: 0 });
    for await (const { event } of watch) if (event.case === "activation" && event.value.sequence === 2) break;
    await at.admin.bundles.publishBundle({ ...at, envName: "dev", policies: GOOD });
    const superseded = await waiting;
    expect(superseded.code, superseded.err).toBe(5);
    expect(superseded.err).toContain("sequence 2 of dev was superseded by 3");
    expect(await at.active("dev")).toEqual({ version: 3, sequence: 3 });
  });

  it("promotes the version that it was given and no other", async () => {
    await using at = await open();
    await at.run("publish policy.json dev", GOOD);
    await at.admin.bundles.publishBundle({ ...at, envName: "dev", policies: QUIET });
    const other = await at.run("promote dev", GOOD, { SIGNET_SOURCE_VERSION: "1" });
    expect(other.code, other.err).toBe(1);
    expect(other.err).toContain("HTTP 412");
    expect(await at.bundles("staging")).toEqual([]);
  });

  it("waits for as many runtimes as there must be", async () => {
    await using at = await open();
    const few = await at.run("publish policy.json dev", GOOD, { SIGNET_MIN_LIVE: "3", SIGNET_WAIT_SECONDS: "0" });
    expect(few.code, few.err).toBe(4);
    expect(few.err).toContain("2 of 2 runtimes applied it within 0 seconds; SIGNET_MIN_LIVE is 3");
  });

  it.for([
    ["nothing", "", {}, 2, "usage: signet.sh"],
    ["a file that is not there", "publish other.json dev", {}, 2, "cannot read other.json"],
    [
      "a revision with a quote",
      "publish policy.json dev",
      { SIGNET_REVISION: 'a"' },
      2,
      "SIGNET_REVISION has a character",
    ],
    ["words for a number", "promote dev", { SIGNET_WAIT_SECONDS: "5m" }, 2, "SIGNET_WAIT_SECONDS is not a number"],
    ["no server", "promote dev", { SIGNET_URL: "" }, 2, "SIGNET_URL is not set"],
    ["a token that nobody made", "promote dev", { SIGNET_TOKEN: "signet_ci_secret" }, 1, "HTTP 401"],
    ["the last environment", "promote prod", {}, 2, "prod promotes to no other environment"],
    ["an environment that is not there", "promote qa", {}, 1, "the token sees no environment qa"],
  ] as const)("refuses %s", async ([, args, env, code, message]) => {
    await using at = await open();
    const refused = await at.run(args, GOOD, env);
    expect(refused.code, refused.err).toBe(code);
    expect(refused.err).toContain(message);
    expect(refused.err + refused.out).not.toContain("signet_ci_secret");
    expect(refused.out).toBe("");
    expect(await at.bundles("dev")).toEqual([]);
  });
});

describe("examples/ci for CI services", { timeout: 2 * SCRIPT_MS }, () => {
  /** A token for each environment. */
  async function tokensOf({ admin, orgId, projectId }: TestServer) {
    const names = ["dev", "staging", "prod"];
    const made = names.map(async (name) => {
      const { rawKey = "" } = await admin.tokens.createCiToken({ orgId, projectId, name, environments: [name] });
      return [name, rawKey] as const;
    });
    return Object.fromEntries(await Promise.all(made));
  }

  it("GitHub Actions: a pull request changes nothing, a push goes through all environments, a bad one stops in the first", async () => {
    await using at = await open();
    await fleet.join("prod", "prod-1");
    const tokens = Object.entries(await tokensOf(at)).map(([name, token]) => [`${name}.secrets.SIGNET_TOKEN`, token]);
    const context = (run: string) => ({
      ...(Object.fromEntries(tokens) as Record<string, string>),
      "vars.SIGNET_URL": at.url,
      "github.server_url": "https://github.com",
      "github.repository": "team/policy",
      "github.sha": "0f3a",
      "github.run_id": run,
      "github.run_attempt": "1",
    });
    const ends = (run: readonly { job: string; code: number | null }[]) => run.map(({ job, code }) => `${job} ${code}`);
    expect(ends(await runGitHub(scratch, GOOD, "pull_request", context("1")))).toEqual(["check 0"]);
    expect(await at.bundles("dev")).toEqual([]);
    expect(ends(await runGitHub(scratch, GOOD, "push", context("2")))).toEqual(["dev 0", "staging 0", "prod 0"]);
    expect(await at.active("prod")).toEqual({ version: 1, sequence: 1 });
    expect(ends(await runGitHub(scratch, BAD, "push", context("3")))).toEqual(["dev 3"]);
    expect(await at.active("dev")).toEqual({ version: 1, sequence: 3 });
    expect(await at.active("staging")).toEqual({ version: 1, sequence: 1 });
    const [, first] = await at.bundles("dev");
    expect(first?.source).toMatchObject({ repository: "https://github.com/team/policy", revision: "0f3a" });
  });

  it("GitLab: the same", async () => {
    await using at = await open();
    await fleet.join("prod", "prod-1");
    const tokens = await tokensOf(at);
    const given = (pipeline: string) => ({
      SIGNET_URL: at.url,
      CI_PROJECT_URL: "https://gitlab.example/team/policy",
      CI_COMMIT_SHA: "0f3a",
      CI_PIPELINE_ID: pipeline,
    });
    const ends = (run: readonly { job: string; code: number | null }[]) => run.map(({ job, code }) => `${job} ${code}`);
    expect(ends(await runGitLab(scratch, GOOD, "merge_request_event", given("1"), tokens))).toEqual(["check 0"]);
    expect(await at.bundles("dev")).toEqual([]);
    expect(ends(await runGitLab(scratch, GOOD, "push", given("2"), tokens))).toEqual(["dev 0", "staging 0", "prod 0"]);
    expect(await at.active("prod")).toEqual({ version: 1, sequence: 1 });
    expect(ends(await runGitLab(scratch, BAD, "push", given("3"), tokens))).toEqual(["dev 3"]);
    expect(await at.active("dev")).toEqual({ version: 1, sequence: 3 });
    const [, first] = await at.bundles("dev");
    expect(first?.source).toMatchObject({ repository: "https://gitlab.example/team/policy", revision: "0f3a" });
  });
});

async function idOf({ admin, orgId, projectId }: Pick<TestServer, "admin" | "orgId" | "projectId">, envName: string) {
  return (await admin.organizations.getEnvironment({ orgId, projectId, envName })).id;
}

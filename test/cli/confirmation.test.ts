import Database from "better-sqlite3";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ADMIN_TOKEN, startTestServer, type TestServer } from "../support/server.js";
import { runSignet, type RunOptions } from "./in-process.js";

let server: TestServer;
let environment: Record<string, string>;
/** Names of pipelines differ. */
let lines = 0;

beforeAll(async () => {
  server = await startTestServer();
  environment = { SIGNET_URL: server.url, SIGNET_TOKEN: ADMIN_TOKEN };
});
afterAll(() => server[Symbol.asyncDispose]());

const signet = (argv: readonly string[], options: RunOptions = {}) => runSignet(argv, { environment, ...options });
const onTerminal = (argv: readonly string[], answer: string) =>
  signet(argv, { isInTerminal: true, isErrTerminal: true, stdin: `${answer}\n` });
const names = async () => {
  const { projects } = await server.admin.organizations.listProjects({ orgId: server.orgId });
  return projects.flatMap(({ slug, environments }) => environments.map(({ name }) => `${slug}/${name}`));
};

/** What can be deleted, made anew for each case. */
async function make(what: string): Promise<{ argv: readonly string[]; isThere: () => Promise<boolean> }> {
  const { admin, orgId } = server;
  const { projects } = await admin.organizations.listProjects({ orgId });
  const projectId = projects.find(({ slug }) => slug === "default")?.id ?? "";
  if (what === "environment") {
    await admin.organizations.createEnvironment({ orgId, projectId, name: "canary" });
    return {
      argv: ["envs", "delete", "canary", "--project", "default"],
      isThere: async () => (await names()).includes("default/canary"),
    };
  }
  if (what === "project") {
    await admin.organizations.createProject({ orgId, name: "doomed" });
    return { argv: ["projects", "delete", "doomed"], isThere: async () => (await names()).includes("doomed/dev") };
  }
  const { id, stages } = await admin.pipelines.createPipeline({ displayName: `line ${(lines += 1)}`, type: "trunk" });
  if (what === "pipeline") {
    const isThere = async () => (await admin.pipelines.listPipelines({})).data.some((pipeline) => pipeline.id === id);
    return { argv: ["pipeline", "delete", id], isThere };
  }
  const isThere = async () => (await admin.pipelines.getPipeline({ id })).stages.length === stages.length;
  return { argv: ["pipeline", "delete-stage", id, "Production"], isThere };
}

const WHAT = ["environment", "project", "pipeline", "stage"] as const;

describe.each(WHAT)("the deletion of a %s", (what) => {
  it("asks on a terminal, after naming what goes; anything but y keeps it", async () => {
    const { argv, isThere } = await make(what);
    const refused = await onTerminal(argv, "n");
    expect([refused.exitCode, refused.out, await isThere()]).toEqual([2, "", true]);
    expect(refused.err).toMatch(new RegExp(`This deletes the ${what} `));
    expect(refused.err).toMatch(/active|environments/);
    expect(refused.err).toContain("Delete? [y/N]");
    expect(refused.err).toContain("not confirmed: nothing was deleted");
    const confirmed = await onTerminal([...argv, "--reason", "cleaning up"], "y");
    expect([confirmed.exitCode, await isThere()]).toEqual([0, false]);
    expect(confirmed.out).toMatch(new RegExp(`^deleted ${what} `));
    const { events } = await server.admin.audit.listAuditEvents({ orgId: server.orgId, limit: 1 });
    expect(events[0]?.metadata).toContain("cleaning up");
  });

  it("needs --yes elsewhere, and with --json; with --yes it still names what goes", async () => {
    const { argv, isThere } = await make(what);
    for (const refused of [await signet(argv), await signet([...argv, "--json"], { isInTerminal: true })]) {
      expect([refused.exitCode, refused.out, await isThere()]).toEqual([2, "", true]);
      expect(refused.err).toContain("stdin is not a terminal: pass --yes to confirm");
    }
    const confirmed = await signet([...argv, "--yes"]);
    expect([confirmed.exitCode, await isThere()]).toEqual([0, false]);
    expect(confirmed.err).toContain(`This deletes the ${what} "`);
    const again = await make(what);
    const silent = await signet([...again.argv, "--yes", "--json"]);
    expect([silent.exitCode, silent.err, await again.isThere()]).toEqual([0, "", false]);
  });
});

describe("what goes with an environment", () => {
  it("is named: active version, versions kept, runtimes and tokens", async () => {
    const { admin, orgId } = server;
    const { id: projectId, runtimeKeys } = await admin.organizations.createProject({ orgId, name: "named" });
    const path = { orgId, projectId, envName: "dev" };
    for (const n of [1, 2]) await admin.bundles.publishBundle({ ...path, policies: `{"n":${n}}` });
    const rawKey = runtimeKeys.find(({ envName }) => envName === "dev")?.rawKey ?? "";
    const body = JSON.stringify({ instance_id: "a", state: "applied", sequence: 2 });
    const headers = { "x-api-key": rawKey, "content-type": "application/json" };
    await fetch(`${server.url}/v1/runtimes/status`, { method: "POST", headers, body });
    const { err } = await onTerminal(["envs", "delete", "dev", "--project", "named"], "n");
    const facts = err.split("\n").map((text) => text.trim().split(/ {2,}/));
    expect(facts).toEqual(
      expect.arrayContaining([
        ["active version", "2 (sequence 2)"],
        ["versions kept", "2"],
        ["runtimes", "1 seen, 1 live"],
        ["runtime tokens", "1"],
      ]),
    );
    const live = await signet(["envs", "delete", "dev", "--project", "named", "--yes"]);
    expect([live.exitCode, live.err]).toEqual([5, expect.stringContaining("1 runtime is live")]);
    const forced = await signet(["envs", "delete", "dev", "--project", "named", "--yes", "--force"]);
    expect(forced.exitCode).toBe(0);
  });

  it("is not asked about while it is protected", async () => {
    const argv = ["envs", "delete", "prod", "--project", "default"];
    const refused = await onTerminal(argv, "y");
    expect([refused.exitCode, refused.err.includes("[y/N]")]).toEqual([5, false]);
    expect(refused.err).toContain("signet envs update prod --no-protected");
    const forced = await signet([...argv, "--yes", "--force"]);
    expect([forced.exitCode, forced.err]).toEqual([5, expect.stringContaining("protected")]);
    expect((await signet(["envs", "update", "prod", "--no-protected", "--project", "default"])).exitCode).toBe(0);
    expect((await signet([...argv, "--yes"])).exitCode).toBe(0);
    const again = ["envs", "create", "prod", "--protected", "--restore-links", "--project", "default", "--json"];
    expect(JSON.parse((await signet(again)).out)).toMatchObject({ protected: true });
    const { out } = await signet(["envs", "--project", "default", "--json"]);
    expect(JSON.parse(out)).toContainEqual(expect.objectContaining({ name: "staging", promotes_to: "prod" }));
  });
});

describe("prune", () => {
  it("asks on a terminal after the plan, and deletes on y alone", async () => {
    const { admin, orgId, directory } = server;
    const { id: projectId } = await admin.organizations.createProject({ orgId, name: "pruned" });
    const path = { orgId, projectId, envName: "dev" };
    for (const n of [1, 2, 3]) await admin.bundles.publishBundle({ ...path, policies: `{"n":${n}}` });
    const argv = ["prune", "--project", "pruned", "--keep-newest", "1"];
    const young = await onTerminal(argv, "y");
    expect([young.exitCode, young.err]).toEqual([0, expect.stringContaining("nothing was deleted")]);
    await age(directory, projectId);
    const kept = async () => (await admin.bundles.listBundles(path)).bundles.map(({ version }) => version);
    const refused = await onTerminal(argv, "n");
    expect([refused.exitCode, refused.err, await kept()]).toEqual([
      2,
      expect.stringContaining("Delete these versions? [y/N]"),
      [3, 2, 1],
    ]);
    const planned = await onTerminal([...argv, "--dry-run"], "y");
    expect([planned.exitCode, planned.err.includes("[y/N]"), await kept()]).toEqual([0, false, [3, 2, 1]]);
    expect([(await onTerminal(argv, "y")).exitCode, await kept()]).toEqual([0, [3]]);
  });
});

/** Moves what a project published and activated years back, in the database. */
async function age(directory: string, projectId: string): Promise<void> {
  const database = new Database(`${directory}/signet.db`, { timeout: 0 });
  const update = database.transaction(() => {
    const triggers = database.prepare("select name, sql from sqlite_master where type = 'trigger'").all();
    for (const { name } of triggers as { name: string }[]) database.exec(`drop trigger "${name}"`);
    const time = "2020-01-01T00:00:00.000Z";
    database.prepare("update bundles set published_at = ? where project_id = ?").run(time, projectId);
    database.prepare("update deployments set at = ? where project_id = ?").run(time, projectId);
    for (const { sql } of triggers as { sql: string }[]) database.exec(sql);
  });
  for (;;) {
    try {
      update.immediate();
      break;
    } catch (thrown) {
      if ((thrown as { code?: unknown }).code !== "SQLITE_BUSY") throw thrown;
      // The server runs in this process: to wait here for its transaction would keep it from ending.
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
  database.close();
}

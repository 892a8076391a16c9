import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ADMIN_TOKEN, startTestServer, type TestServer } from "../support/server.js";
import { runSignet } from "./in-process.js";

const folder = mkdtempSync(join(tmpdir(), "signet-pipelines-"));
let server: TestServer;

beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server[Symbol.asyncDispose]());

const signet = (...argv: string[]) =>
  runSignet(argv, { environment: { SIGNET_URL: server.url, SIGNET_TOKEN: ADMIN_TOKEN } });

async function json<T = Record<string, unknown>>(...argv: string[]): Promise<T> {
  const { exitCode, out, err } = await signet(...argv, "--json");
  expect(exitCode, err).toBe(0);
  return JSON.parse(out) as T;
}

async function text(...argv: string[]): Promise<string> {
  const { exitCode, out, err } = await signet(...argv);
  expect(exitCode, err).toBe(0);
  return out;
}

describe("signet pipeline", () => {
  it("makes one, fills it, promotes to several, shows where every bundle is, and deletes it", async () => {
    const made = await json<{ id: string; stages: { id: string }[] }>("pipeline", "create", "main");
    expect(made).toMatchObject({ display_name: "main", type: "trunk", project_id: null });
    expect(await json("pipeline", "add-stage", "main", "Canary", "--before", "1")).toMatchObject({ order: 1 });
    expect(await text("pipeline", "add-app", "main", "Development", "dev")).toContain("added default/dev: ");
    await json("pipeline", "add-app", made.id, "2", "default/staging");
    await json("pipeline", "add-app", "main", "Production", "prod", "--project", "default");
    writeFileSync(join(folder, "p.yaml"), "limit: 1\n");
    await json("publish", "--env", "dev", "-f", join(folder, "p.yaml"));

    const promote = ["pipeline", "promote", "main", "--from", "dev", "--to", "staging", "default/prod"];
    const answer = await json<object[]>(...promote, "--promoted-by", "rita", "--idempotency-key", "one");
    expect(answer.map((item) => Object.keys(item))).toEqual([
      ["target_app_id", "deployment_id", "change"],
      ["target_app_id", "deployment_id", "change"],
    ]);
    expect(await json<object[]>(...promote, "--promoted-by", "rita", "--idempotency-key", "one")).toEqual(answer);
    expect(await json("bundles", "get", "1", "--env", "prod")).toMatchObject({ published_by: "rita" });
    expect(await text(...promote, "--skip-unchanged")).toMatch(/^staging +\S+ +\S+ +skipped: unchanged$/m);
    expect(await text(...promote, "--dry-run")).toMatch(/^staging +\S+ +- +unchanged\n[^]*no difference[^]*dry run: /m);
    expect(await text(...promote)).toMatch(/^TARGET +APP ID +DEPLOYMENT +CHANGE\nstaging +\S+ +\S+ +unchanged\n/);

    const shown = await text("pipeline", "get", "main");
    expect(shown).toMatch(/^0 Development +default\/dev +1 +- /m);
    expect(shown).toMatch(/^1 Canary +- /m);
    expect(shown).toMatch(/^2 Production +default\/prod +2 +yes /m);
    await json("publish", "--env", "dev", "-f", join(folder, "p.yaml"));
    expect(await text("pipeline", "diff", "main", "--from", "dev", "--to", "prod")).toBe("no difference\n");
    expect(await text("pipeline")).toContain("main");
    expect(await json("pipeline", "list")).toMatchObject({ total: 1, data: [{ id: made.id }] });

    const moved = await json<{ stages: { display_name: string }[] }>(
      ...["pipeline", "update", "main", "--name", "renamed", "--move", "Canary=0", "0=1"],
    );
    expect(moved.stages.map((stage) => stage.display_name)).toEqual(["Canary", "Development", "Production"]);
    expect(await json("pipeline", "update", "renamed", "--project", "default")).toMatchObject({
      project_id: server.projectId,
    });
    await json("pipeline", "remove-app", "renamed", "Production", "staging");
    await json("pipeline", "delete-stage", "renamed", "Canary", "--yes");
    expect(await json("pipeline", "delete", "renamed", "--yes")).toEqual({ deleted: made.id });
  });

  it.each([
    [["promote", "none", "--from", "dev", "--to", "prod"], 4, "not found"],
    [["promote", "p", "--from", "dev"], 2, "--to"],
    [["update", "p"], 2, "nothing to update: pass"],
    [["update", "p", "--move", "x"], 2, "stage=order"],
    [["add-app", "p", "Nowhere", "dev"], 4, "existing: Development, Production"],
    [["add-app", "p", "0", "nowhere"], 4, "environment not found"],
    [["promote", "p", "--from", "dev", "--to", "prod"], 6, "not an app of this pipeline"],
    [["create", "x", "--type", "tree"], 6, "trunk or branch"],
    [["add-stage", "p", "x", "--before", "51"], 2, "0 to 50"],
  ])("%j ends with %i", async (argv, code, words) => {
    if ((await json<{ total: number }>("pipeline", "list")).total === 0) await json("pipeline", "create", "p");
    const { exitCode, out, err } = await signet("pipeline", ...argv);
    expect({ exitCode, out }).toEqual({ exitCode: code, out: "" });
    expect(err).toContain(words);
  });
});

describe("signet artifact", () => {
  it("hands in a file, lists, shows, promotes once and deletes", async () => {
    const file = join(folder, "draft.yaml");
    writeFileSync(file, "limit: 2\n");
    const { id } = await json<{ id: string }>("artifact", "create", "-f", file, "--name", "drafted");
    expect(await json("artifact", "list", "--project", "default", "--status", "draft")).toMatchObject({
      ...{ total: 1, data: [{ id, name: "drafted" }] },
    });
    expect(await json("artifact", "get", id)).toMatchObject({ policies: { limit: 2 } });
    expect(await text("artifact", "get", id)).toMatch(/^status +draft$/m);
    const promoted = await json("artifact", "promote", id, "--title", "T", "--description", "D");
    expect(promoted).toMatchObject({ artifact_id: id, status: "promoted", bundle: { title: "T", description: "D" } });
    expect(await json("artifact", "promote", id, "--title", "again", "--if-match", "0")).toEqual(promoted);
    expect(await text("artifact", "promote", id)).toMatch(new RegExp(`^promoted ${id}\nversion +\\d`));
    expect(await text("artifact")).toMatch(/promoted/);
    expect(await json("artifact", "delete", id)).toEqual({ deleted: id });
    expect((await signet("artifact", "promote", id)).exitCode).toBe(4);
  });

  it("says where a file is no policy", async () => {
    const file = join(folder, "bad.yaml");
    writeFileSync(file, "a: 1\nb: *a\n");
    const { exitCode, err } = await signet("artifact", "create", "-f", file);
    expect(exitCode).toBe(6);
    expect(err).toContain("bad.yaml:2:4: ");
  });
});

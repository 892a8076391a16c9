import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ADMIN_TOKEN, startTestServer, type TestServer } from "../support/server.js";
import { EnvironmentWatching, WATCH_KINDS, type Asked, type Told, type WatchKind } from "./environments-watching.js";
import { createTestProject, STAGES } from "./project.js";

let server: TestServer;
let projects = 0;
beforeAll(async () => {
  server = await startTestServer({ SIGNET_HEARTBEAT_MS: "200", SIGNET_WEBHOOK_ALLOW: "127.0.0.0/8" });
});
afterAll(() => server[Symbol.asyncDispose]());

const newProject = () => createTestProject(server, `seen-${(projects += 1)}`);

function watch(kind: WatchKind, asked: Partial<Asked> = {}, token = ADMIN_TOKEN, headers = {}): EnvironmentWatching {
  return new EnvironmentWatching(kind, server.url, token, { org_id: server.orgId, ...asked }, headers);
}

describe.each(WATCH_KINDS)("a watch of environments over $name", (kind) => {
  it("says at once what there is, and then each activation with version, hash, title, who and why", async () => {
    const project = await newProject();
    await using open = watch(kind, { project_id: project.projectId });
    const first = await open.upTo("current");
    expect(first.map((it) => it.kind)).toEqual(["project", "environment", "environment", "environment", "current"]);
    expect(first.at(-1)?.value).toEqual({ full: true, projects: true, environments: 3 });
    expect(first.flatMap(({ value }) => (value.environment?.name ?? []) as string[]).sort()).toEqual(
      [...STAGES].sort(),
    );
    const { admin } = server;
    const title = "stricter";
    await admin.bundles.publishBundle({ ...project.place.dev, policies: '{"n":1}', title });
    const { value } = await open.nextChange();
    const policy_hash = expect.stringMatching(/^sha256:/) as string;
    const deployment = { sequence: 1, version: 1, title, kind: "publish", policy_hash, reason: null };
    expect(value).toMatchObject({ activated: true, environment: { name: "dev", sequence: 1 }, deployment });
    expect(JSON.stringify(value)).not.toContain('"n"');
  });

  it("resumes at any cursor, and misses nothing", async () => {
    const project = await newProject();
    for (const n of [1, 2]) await project.publish("dev", n);
    const asked = { project_id: project.projectId };
    const cursors: string[] = [];
    {
      await using open = watch(kind, asked);
      for (const { value } of await open.upTo("current")) if (value["cursor"]) cursors.push(value["cursor"] as string);
    }
    await project.publish("staging", 1);
    const { dev, staging, prod } = project.environmentId;
    const kindsOf = async (after: readonly string[]) => {
      await using open = watch(kind, { ...asked, after });
      const read = await open.upTo("current");
      expect(read.at(-1)?.value["full"]).toBe(after.length === 0);
      return read.flatMap(({ kind: it, value }) =>
        it === "environment"
          ? [`${value.environment?.name} ${value["activated"] === true}`]
          : it.endsWith("_deleted")
            ? [it]
            : [],
      );
    };
    expect(await kindsOf(cursors)).toEqual(["staging true"]);
    expect((await kindsOf([`${dev}:2`, `${prod}:0`])).sort()).toEqual(["staging true"]);
    expect((await kindsOf([`${dev}:1`, `${staging}:1`, `${prod}:0`])).sort()).toEqual(["dev true"]);
    expect((await kindsOf([`${dev}:3`, `${staging}:1`, `${prod}:0`])).sort()).toEqual(["dev true"]);
    const lost = "0b6f3f4e-7c0b-4d55-9a3e-8d1f0a6e2c11";
    expect((await kindsOf([`${dev}:2:${lost}`, `${staging}:1`, `${prod}:0`])).sort()).toEqual(["dev true"]);
    expect(await kindsOf([`${lost}:1`, `${dev}:2`, `${staging}:1`, `${prod}:0`])).toEqual(["environment_deleted"]);
    expect((await kindsOf([])).sort()).toEqual(["dev true", "prod false", "staging true"]);
  });

  it("goes on after an event id on the same server, with nothing twice", async () => {
    const project = await newProject();
    const asked = { project_id: project.projectId };
    const first = watch(kind, asked);
    const eventId = (await first.upTo("current")).at(-1)?.eventId ?? "";
    await first[Symbol.asyncDispose]();
    await project.publish("dev", 1);
    await using open = watch(kind, asked, ADMIN_TOKEN, { "last-event-id": eventId });
    const read = await open.upTo("current");
    // Another node has another hub, and says everything.
    if (process.env.SIGNET_TEST_STORE === "postgres" && read.length > 2) return;
    expect(read.map((it) => it.value.environment?.name ?? it.kind)).toEqual(["dev", "current"]);
    expect(read.at(-1)?.value).toEqual({ full: false, projects: false, environments: 3 });
    await using other = watch(kind, asked, ADMIN_TOKEN, { "last-event-id": `3.${"0".repeat(16)}` });
    expect((await other.upTo("current")).at(-1)?.value["full"]).toBe(true);
  });

  it("tells of holds, settings, and of what is made and deleted", async () => {
    const { admin, orgId } = server;
    const project = await newProject();
    await project.publish("dev", 1);
    await using open = watch(kind, { project_id: project.projectId });
    await open.upTo("current");
    await admin.bundles.activateBundle({ ...project.place.dev, version: 1, hold: true, reason: "incident" });
    let held = await open.nextChange();
    while (held.value.environment?.hold === null) held = await open.nextChange();
    expect(held.value.environment?.hold).toMatchObject({ reason: "incident" });
    await admin.organizations.releaseEnvironment(project.place.dev);
    expect((await open.nextChange()).value).toMatchObject({
      activated: false,
      environment: { name: "dev", hold: null },
    });
    const { projectId } = project;
    await admin.organizations.createEnvironment({ orgId, projectId, name: "extra" });
    expect((await open.nextChange()).value).toMatchObject({ activated: false, environment: { name: "extra" } });
    await admin.organizations.deleteEnvironment({ orgId, projectId, envName: "extra" });
    expect(await open.nextChange()).toMatchObject({ kind: "environment_deleted", value: { name: "extra" } });
    await admin.organizations.deleteProject({ orgId, projectId, force: true });
    expect(await open.end()).toMatchObject({ code: "NOT_FOUND" });
  });

  it("loses nothing across a burst in many environments: the last of each arrives", async () => {
    const [one, two] = [await newProject(), await newProject()];
    await using open = watch(kind);
    await open.upTo("current");
    const last = 8;
    const burst = [one, two].flatMap((project) =>
      STAGES.map(async (stage) => {
        for (let n = 1; n <= last; n += 1) await project.publish(stage, n);
      }),
    );
    const waiting = new Set([one, two].flatMap((project) => Object.values(project.environmentId)));
    const seen = new Map<string, number>();
    while (waiting.size > 0) {
      const { kind: told, value } = await open.nextChange();
      // Of a project another node hears within a second.
      if (told !== "environment") continue;
      const { id, sequence } = value.environment ?? { id: "", sequence: 0 };
      expect(sequence).toBeGreaterThanOrEqual(seen.get(id) ?? 0);
      seen.set(id, sequence);
      if (sequence === last) waiting.delete(id);
    }
    await Promise.all(burst);
  });

  it("beats while nothing changes", async () => {
    const project = await newProject();
    await using open = watch(kind, { project_id: project.projectId });
    await open.upTo("current");
    const beat = await open.next();
    expect(beat).toMatchObject({ kind: "heartbeat", value: { at: expect.any(String) as string, current_at: null } });
  });

  it("ends when its token is revoked, and no other one", async () => {
    const { orgId, admin } = server;
    const token = await admin.tokens.createViewerToken({ orgId, name: `v${kind.name}${projects}` });
    await using bystander = watch(kind);
    await using open = watch(kind, {}, token.rawKey ?? "");
    await Promise.all([open.upTo("current"), bystander.upTo("current")]);
    await admin.tokens.revokeToken({ orgId, keyId: token.id });
    expect(await open.end()).toMatchObject({ code: "UNAUTHENTICATED" });
    while ((await bystander.next()).kind !== "heartbeat");
  });

  it("tells a project's token of its project alone, and refuses what it may not follow", async () => {
    const { orgId, admin } = server;
    const [mine, other] = [await newProject(), await newProject()];
    const { rawKey: ci = "" } = await admin.tokens.createCiToken({ orgId, projectId: mine.projectId });
    await using open = watch(kind, {}, ci);
    const first = await open.upTo("current");
    expect(
      first.map(({ value }) => (value["project_id"] ?? value["id"] ?? "") as string).filter((id) => id !== ""),
    ).toEqual(Array.from({ length: 4 }, () => mine.projectId));
    await other.publish("dev", 1);
    await mine.publish("dev", 1);
    expect((await open.nextChange()).value["project_id"]).toBe(mine.projectId);
    const refused = async (asked: Partial<Asked>, token: string) => (await watch(kind, asked, token).end()).code;
    expect(await refused({ project_id: other.projectId }, ci)).toBe("NOT_FOUND");
    expect(await refused({ topics: ["audit"] }, ci)).toBe("PERMISSION_DENIED");
    expect(await refused({ topics: ["deliveries"] }, ci)).toBe("PERMISSION_DENIED");
    expect(await refused({}, mine.runtimeToken.dev)).toBe("PERMISSION_DENIED");
    // The kind of the token comes before what is wrong with the request.
    const nonsense = { topics: ["weather"], after: ["dev:1"], project_id: other.projectId };
    expect(await refused(nonsense, mine.runtimeToken.dev)).toBe("PERMISSION_DENIED");
    expect(await refused({ topics: ["weather"] }, ADMIN_TOKEN)).toBe("INVALID_ARGUMENT");
    expect(await refused({ after: ["dev:1"] }, ADMIN_TOKEN)).toBe("INVALID_ARGUMENT");
  });

  it("tells of the fleet, of deliveries and of the audit where it is asked to", async () => {
    const { orgId, admin } = server;
    const project = await newProject();
    await using open = watch(kind, { project_id: project.projectId, topics: ["fleet", "deliveries", "audit"] });
    await open.upTo("current");
    await project.publish("dev", 1);
    const runtime = server.clientFor(project.runtimeToken.dev);
    await runtime.runtimes.reportStatus({ instanceId: "i", state: "applied", sequence: 1 });
    const webhook = await admin.webhooks.createWebhook({ orgId, url: "http://127.0.0.1:9/hook", events: ["*"] });
    const isThere: Readonly<Record<string, (value: Told["value"]) => boolean>> = {
      fleet: ({ environments }) => {
        const [dev] = environments as { environment: string; live: number; applied: number }[];
        return dev?.environment === "dev" && dev.live === 1 && dev.applied === 1;
      },
      deliveries: ({ webhook_ids }) => (webhook_ids as string[]).includes(webhook.id),
      audit: ({ action }) => action === "webhook.created",
    };
    const waiting = new Set(Object.keys(isThere));
    while (waiting.size > 0) {
      const { kind: topic, value } = await open.nextChange();
      if (isThere[topic]?.(value) === true) waiting.delete(topic);
    }
  });
});

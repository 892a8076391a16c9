import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { pino } from "pino";
import { describe, expect, it } from "vitest";
import { pullEvents } from "../src/service/runtimes/pull.js";
import { createOfflineAdminToken } from "../src/server/offline.js";
import { startServer } from "../src/server/server.js";
import { startServe } from "./cli/spawned.js";
import { HOUR, useServices } from "./service/fixture.js";
import { useDirectory } from "./store/temporary-store.js";
import { ADMIN_TOKEN, startTestServer, testConfig } from "./support/server.js";

/** The ten invariants of the design, by number. */
describe("invariants, over the use cases", () => {
  const signet = useServices();
  const document = (version: number) => signet.services.bundles.document(signet.admin, signet.path("dev"), version);
  const digest = (text: string) => createHash("sha256").update(text).digest("hex");

  it("1. a bundle never changes, and its version is never reused, not even after it was deleted", async () => {
    await signet.publish("dev", { n: 1 });
    const before = await document(1);
    await signet.publish("dev", { n: 2 });
    await signet.publish("dev", { n: 3 });
    await signet.activate("dev", 1);
    await signet.promote("dev");
    expect(await document(1)).toBe(before);
    const remove = (version: number) => signet.services.bundles.delete(signet.admin, signet.path("dev"), version);
    await remove(3);
    await remove(2);
    await signet.reopen();
    expect((await signet.publish("dev", { n: 3 })).bundle.version).toBe(4);
    await expect(document(3)).rejects.toMatchObject({ code: "not_found" });
    expect(await document(1)).toBe(before);
  });

  it("2. an environment has at most one active bundle, held in one place", async () => {
    for (let n = 1; n <= 3; n += 1) await signet.publish("dev", { n });
    await Promise.all([signet.activate("dev", 1), signet.publish("dev", { n: 4 }), signet.activate("dev", 2)]);
    const { rows } = await signet.services.bundles.list(signet.admin, signet.path("dev"), undefined, undefined);
    const active = rows.filter(({ isActive }) => isActive).map(({ bundle }) => bundle.version);
    const { activeVersion } = await signet.environment("dev");
    expect(active).toEqual([activeVersion]);
    // The pointer moves, and with it what every list says: no row has a flag that could say otherwise.
    signet.tamperFile((database) => {
      const sql =
        "update environments set active_bundle_id = (select id from bundles where version = 3) where name = 'dev'";
      database.exec(sql);
    });
    const moved = await signet.services.bundles.list(signet.admin, signet.path("dev"), undefined, undefined);
    expect(moved.rows.filter(({ isActive }) => isActive).map(({ bundle }) => bundle.version)).toEqual([3]);
  });

  it("3. sequence is the only cursor: two activations of the same content are two sequences", async () => {
    const first = await signet.publish("dev", { n: 1 });
    const second = await signet.publish("dev", { n: 1 });
    const third = await signet.activate("dev", 1);
    const fourth = await signet.activate("dev", 1);
    expect([first, second, third, fourth].map(({ sequence }) => sequence)).toEqual([1, 2, 3, 4]);
    expect(new Set([first, second, third, fourth].map(({ deploymentId }) => deploymentId)).size).toBe(4);
    const { principal } = await signet.runtime("dev");
    const request = {
      afterSequence: 3,
      afterDeploymentId: "",
      rootVersion: 0,
      instanceId: "",
      labels: {},
      userAgent: null,
      clientAddress: "a",
      addressKey: "a",
    };
    const events = pullEvents(signet.services.push, principal, request, new AbortController().signal);
    expect((await events.next()).value).toMatchObject({ kind: "activation", sequence: 4 });
    await events.return(undefined);
  });

  it("4. state, activation and audit event are written in one transaction, or none is", async () => {
    await signet.publish("dev", { n: 1 });
    await signet.publish("dev", { n: 2 });
    const changes = [
      () => signet.publish("dev", { n: 3 }, signet.change({ idempotencyKey: "k" })),
      () => signet.promote("dev", signet.change({ idempotencyKey: "k" })),
      () => signet.activate("dev", 1, signet.change({ idempotencyKey: "k" })),
    ];
    for (const change of changes) {
      const before = await signet.fingerprint();
      signet.moments.beforeAuditSignature = () => {
        throw new Error("the audit key's device is gone");
      };
      await expect(change()).rejects.toThrow();
      expect(await signet.fingerprint()).toEqual(before);
      signet.moments.beforeAuditSignature = () => {};
      await change();
      const { rows } = await signet.services.audit.list({ orgId: signet.orgId, limit: 1 });
      const { deployment_id: id, sequence } = rows[0]?.metadata ?? {};
      expect(await signet.services.bundles.deployment(signet.admin, String(id))).toMatchObject({ sequence });
    }
  });

  it("6. a watcher that reads ends on the newest sequence, and a slow one slows nobody and goes never back", async () => {
    const { principal } = await signet.runtime("dev");
    const request = {
      afterSequence: 0,
      afterDeploymentId: "",
      rootVersion: 0,
      instanceId: "",
      labels: {},
      userAgent: null,
      clientAddress: "a",
      addressKey: "a",
    };
    const open = () => pullEvents(signet.services.push, principal, request, new AbortController().signal);
    const [slow, fast] = [open(), open()];
    await slow.next();
    const seen: number[] = [];
    const reading = (async () => {
      for await (const { sequence } of fast) {
        seen.push(sequence);
        if (sequence === 31) return;
      }
    })();
    for (let n = 1; n <= 30; n += 1) await signet.publish("dev", { n });
    await signet.activate("dev", 2);
    await reading;
    expect(seen).toEqual([...new Set(seen)].sort((a, b) => a - b));
    expect((await slow.next()).value).toMatchObject({ sequence: 31, active: { deployment: { version: 2 } } });
    await slow.return(undefined);
  });

  it("10. the bytes of a served document never change, and hold nothing of one activation or reader", async () => {
    await signet.publish("dev", { b: 1, a: [1.5, "é", { z: null }] });
    const before = digest(await document(1));
    const { principal } = await signet.runtime("dev");
    const latest = async () => {
      const request = { afterSequence: 0, afterDeploymentId: "", ifNoneMatch: [], waitSeconds: 0, clientAddress: "a" };
      return (await signet.services.latest.latest(principal, request, new AbortController().signal)).active.document;
    };
    expect(digest(await latest())).toBe(before);
    signet.clock.advanceSeconds(HOUR);
    await signet.publish("dev", { n: 2 });
    await signet.activate("dev", 1);
    expect(digest(await latest())).toBe(before);
    await signet.reopen();
    expect(digest(await latest())).toBe(before);
    expect(digest(await document(1))).toBe(before);
    const { deploymentId } = await signet.activate("dev", 1);
    for (const ofOne of [deploymentId ?? "", principal.keyPrefix, '"sequence"']) {
      expect(await latest()).not.toContain(ofOne);
    }
  });
});

describe("invariants, over a server", () => {
  const directory = useDirectory();
  const silent = pino({ level: "silent" });

  it("5. what was acknowledged survives kill -9", async () => {
    const { server, url } = await startServe(directory.path);
    await using _ = server;
    const token = readFileSync(join(directory.path, "admin-token"), "utf8").trim();
    const ask = async (base: string, path: string, body?: unknown) => {
      const headers = { "X-API-Key": token, "Content-Type": "application/json" };
      const change = body === undefined ? {} : { method: "POST", body: JSON.stringify(body) };
      return await (await fetch(base + path, { headers, ...change })).json();
    };
    const { org_id: orgId } = (await ask(url, "/v1/whoami")) as { org_id: string };
    const [project] = (await ask(url, `/v1/orgs/${orgId}/projects`)) as { id: string }[];
    const bundles = `/v1/orgs/${orgId}/projects/${project?.id}/envs/dev/bundles`;
    const acknowledged: number[] = [];
    const publishing = (async () => {
      for (let n = 1; ; n += 1) {
        const { version } = (await ask(url, `${bundles}/publish`, { policies: { n } })) as { version: number };
        acknowledged.push(version);
        if (acknowledged.length === 10) server.child.kill("SIGKILL");
      }
    })();
    await expect(publishing).rejects.toThrow();
    await server.exit;

    await using again = await startServer(testConfig({ SIGNET_DATA: directory.path }), silent);
    const kept = (await ask(again.url, bundles)) as { version: number; is_active: boolean }[];
    expect(kept.map(({ version }) => version)).toEqual(expect.arrayContaining(acknowledged));
    expect(kept.filter((bundle) => bundle.is_active)).toEqual([kept[0]]);
    expect(await ask(again.url, `/v1/orgs/${orgId}/audit/verify`)).toMatchObject({ valid: true });
  });

  it("7. secrets are shown when they are made and never again", async () => {
    await using server = await startTestServer();
    const { admin, orgId, projectId } = server;
    const made = await admin.organizations.createProject({ orgId, name: "p" });
    const ci = await admin.tokens.createCiToken({ orgId, projectId });
    const rotated = await admin.tokens.rotateToken({ orgId, keyId: ci.id });
    const tenant = await admin.organizations.createOrganization({ name: "t" });
    const raw = [...made.runtimeKeys, ci, rotated, tenant.adminToken].map((token) => token?.rawKey ?? "");
    for (const key of raw) expect(key).toMatch(/^signet_/);
    const shown = await Promise.all(
      [
        `/v1/orgs/${orgId}/tokens`,
        `/v1/orgs/${orgId}/projects`,
        `/v1/orgs/${orgId}/projects/${made.id}`,
        `/v1/orgs/${orgId}/audit`,
        "/v1/orgs",
        "/v1/keys",
        "/v1/whoami",
      ].map(async (path) => (await fetch(server.url + path, { headers: { "X-API-Key": ADMIN_TOKEN } })).text()),
    );
    const pem = readFileSync(join(server.directory, "bundle-signing-key.pem"), "utf8").split("\n")[1] ?? "";
    for (const text of shown) {
      expect(text.length).toBeGreaterThan(50);
      for (const secret of [...raw, ADMIN_TOKEN, pem, "PRIVATE KEY"]) expect(text).not.toContain(secret);
    }
  });

  it("8. what a token cannot see answers exactly like what does not exist", async () => {
    await using server = await startTestServer();
    const { admin, orgId, projectId } = server;
    const other = await admin.organizations.createProject({ orgId, name: "other" });
    const ci = await admin.tokens.createCiToken({ orgId, projectId });
    const runtime = other.runtimeKeys.find(({ envName }) => envName === "dev");
    const tenant = await admin.organizations.createOrganization({ name: "tenant" });
    const none = "00000000-0000-4000-8000-000000000000";
    const cases = [
      [ci.rawKey, `/v1/orgs/${orgId}/projects/${other.id}`, `/v1/orgs/${orgId}/projects/${none}`],
      [
        runtime?.rawKey,
        `/v1/orgs/${orgId}/projects/${other.id}/envs/prod/bundles`,
        `/v1/orgs/${orgId}/projects/${other.id}/envs/none/bundles`,
      ],
      [tenant.adminToken?.rawKey, `/v1/orgs/${orgId}/projects`, `/v1/orgs/${none}/projects`],
    ] as const;
    for (const [token = "", hidden, missing] of cases) {
      const [first, second] = await Promise.all(
        [hidden, missing].map(async (path) => {
          const headers = { "X-API-Key": token, "X-Request-Id": "same" };
          const answer = await fetch(server.url + path, { headers });
          return [answer.status, await answer.text()] as const;
        }),
      );
      expect([403, 404]).toContain(first?.[0]);
      expect(first).toEqual(second);
    }
  });

  it("9. one process owns a data directory", async () => {
    const config = testConfig({ SIGNET_DATA: directory.path });
    await using server = await startServer(config, silent);
    const inUse = { code: "conflict", message: expect.stringContaining("in use by another signet process") as string };
    await expect(startServer(config, silent)).rejects.toMatchObject(inUse);
    await expect(createOfflineAdminToken(config)).rejects.toMatchObject(inUse);
    expect((await fetch(`${server.url}/readyz`)).status).toBe(200);
  });
});

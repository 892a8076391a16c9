import { once } from "node:events";
import { existsSync, mkdirSync, readFileSync, rmdirSync, statSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { join } from "node:path";
import { Writable } from "node:stream";
import { pino, type Logger } from "pino";
import { describe, expect, it } from "vitest";
import { createOfflineAdminToken } from "../../src/server/offline.js";
import { startServer, type RunningServer } from "../../src/server/server.js";
import { useDirectory } from "../store/temporary-store.js";
import { ADMIN_TOKEN, testConfig } from "../support/server.js";

const silent = pino({ level: "silent" });
const get = (server: RunningServer, path: string, token = ADMIN_TOKEN) =>
  fetch(server.url + path, { headers: { "X-API-Key": token } });
const post = (server: RunningServer, path: string, body: unknown, token = ADMIN_TOKEN) =>
  fetch(server.url + path, {
    method: "POST",
    headers: { "X-API-Key": token, "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
const base = ({ firstStart }: RunningServer) => `/v1/orgs/${firstStart?.orgId}/projects/${firstStart?.projectId}`;

describe("a server", () => {
  const directory = useDirectory();
  const config = (settings: Readonly<Record<string, string>> = {}) =>
    testConfig({ SIGNET_DATA: directory.path, ...settings });
  const start = (settings: Readonly<Record<string, string>> = {}, log: Logger = silent) =>
    startServer(config(settings), log);
  const files = (name: string) => join(directory.path, name);

  it("refuses a directory that another one has, with a clear text, and leaves that one alone", async () => {
    await using first = await start();
    await expect(start()).rejects.toMatchObject({
      code: "conflict",
      message: `the data directory ${directory.path} is in use by another signet process (process ${process.pid})`,
    });
    expect((await get(first, "/v1/whoami")).status).toBe(200);
  });

  it("whose port is in use leaves nothing open", async () => {
    const other = createServer().listen(0, "127.0.0.1");
    await new Promise((resolve) => other.once("listening", resolve));
    const { port } = other.address() as AddressInfo;
    await expect(start({ SIGNET_PORT: String(port) })).rejects.toMatchObject({
      code: "conflict",
      reason: "port_taken",
      message: `port ${port} of 127.0.0.1 is in use: choose another with --port (SIGNET_PORT)`,
    });
    other.close();
    await using server = await start();
    expect((await get(server, "/v1/whoami")).status).toBe(200);
  });

  it("whose first start fails after the port is open leaves nothing open, and the next one is a first start", async () => {
    const probe = createServer().listen(0, "127.0.0.1");
    await once(probe, "listening");
    const { port } = probe.address() as AddressInfo;
    await new Promise((resolve) => probe.close(resolve));
    // The admin token cannot be kept: a folder stands in its place.
    mkdirSync(files("admin-token"), { recursive: true });
    const settings = { SIGNET_PORT: String(port), SIGNET_ADMIN_TOKEN: "" };
    await expect(start(settings)).rejects.toThrow();
    await expect(fetch(`http://127.0.0.1:${port}/healthz`)).rejects.toThrow("fetch failed");
    rmdirSync(files("admin-token"));
    await using server = await start(settings);
    expect((await get(server, "/v1/whoami", server.firstStart?.adminToken ?? "")).status).toBe(200);
  });

  it("counts who tries whether keys are there", async () => {
    const first = await start();
    const tokens = `/v1/orgs/${first.firstStart?.orgId}/tokens/admin`;
    const sha256 = "ab".repeat(32);
    for (const status of [201, 409, 409]) expect((await post(first, tokens, { sha256 })).status).toBe(status);
    await first[Symbol.asyncDispose]();
    await using again = await start();
    const events = await get(again, `/v1/orgs/${first.firstStart?.orgId}/audit?action=access.refused`);
    const refused = (await events.json()) as { resource_id: string; metadata: { codes: string[]; count: number } }[];
    expect(refused.map(({ resource_id }) => resource_id)).toContain("createAdminToken");
    expect(refused.reduce((sum, { metadata }) => sum + metadata.count, 0)).toBe(2);
    expect(refused[0]?.metadata.codes).toEqual(["conflict"]);
  });

  it("has everything after a restart", async () => {
    const first = await start();
    const path = base(first);
    await post(first, `${path}/envs/dev/bundles/publish`, { policies: { n: 1 } });
    await post(first, `${path}/envs/dev/promote`, {});
    const read = async (server: RunningServer) =>
      Promise.all(
        [`${path}/envs/dev/bundles/1`, `${path}/envs/staging/deployments`, path, "/v1/keys"].map(async (each) =>
          (await get(server, each)).json(),
        ),
      );
    const before = await read(first);
    await first[Symbol.asyncDispose]();
    await using again = await start();
    expect(again.firstStart).toBeNull();
    expect(await read(again)).toEqual(before);
  });

  it("takes the admin token that the operator chose and writes it nowhere", async () => {
    await using server = await start();
    expect(server.firstStart?.adminToken).toBeNull();
    expect(existsSync(server.adminTokenFile)).toBe(false);
    expect((await get(server, "/v1/whoami")).status).toBe(200);
    for (const name of ["signet.db", "signet.db-wal"]) {
      expect(readFileSync(files(name), "latin1")).not.toContain(ADMIN_TOKEN);
    }
  });

  it("makes an admin token that works, for the owner's eyes alone, on the first start only", async () => {
    const first = await start({ SIGNET_ADMIN_TOKEN: "" });
    const token = readFileSync(first.adminTokenFile, "utf8").trim();
    expect(token).toBe(first.firstStart?.adminToken);
    expect(statSync(first.adminTokenFile).mode & 0o777).toBe(0o600);
    await first[Symbol.asyncDispose]();
    await using again = await start({ SIGNET_ADMIN_TOKEN: "" });
    expect(readFileSync(again.adminTokenFile, "utf8").trim()).toBe(token);
    expect((await get(again, "/v1/whoami", token)).status).toBe(200);
  });

  it.each([
    ["with spaces", "correct horse battery staple"],
    ["with a comma", "correct,horse,battery,staple"],
    ["of 600 characters", "a".repeat(600)],
    ["that begins as ours do", "signet_adm_of-my-own-choice-1"],
    ["of punctuation", "!\"#$%&'()*+-./:;<=>?@[]^_`{|}~"],
  ])("never locks its operator out: an admin token %s is refused at the start, or works", async (_, token) => {
    const settings = { SIGNET_DATA: directory.path, SIGNET_ADMIN_TOKEN: token };
    let taken: ReturnType<typeof testConfig>;
    try {
      taken = testConfig(settings);
    } catch (thrown) {
      expect(thrown).toMatchObject({
        code: "invalid",
        message: expect.stringContaining("SIGNET_ADMIN_TOKEN") as string,
      });
      return;
    }
    await using server = await startServer(taken, silent);
    expect((await get(server, "/v1/whoami", token)).status).toBe(200);
  });

  it("with a broken signing key starts and reads; publishing fails and stores nothing", async () => {
    const first = await start();
    const path = base(first);
    await post(first, `${path}/envs/dev/bundles/publish`, { policies: { n: 1 } });
    const environments = await (await get(first, `${path}/environments`)).json();
    const [{ id: environment_id }] = environments as [{ id: string }];
    const [orgPath, project_id] = path.split("/projects/");
    const issued = await post(first, `${orgPath}/tokens/runtime`, { project_id, environment_id, name: "reader" });
    const { raw_key: runtime } = (await issued.json()) as { raw_key: string };
    await first[Symbol.asyncDispose]();
    writeFileSync(files("bundle-signing-key.pem"), "not a key");

    await using server = await start();
    for (const call of [`${path}/envs/dev/bundles/publish`, `${path}/envs/dev/promote`]) {
      const answer = await post(server, call, { policies: { n: 2 } });
      expect(answer.status).toBe(500);
      expect(await answer.json()).toMatchObject({ detail: "policy signing failed", message: "policy signing failed" });
    }
    expect((await get(server, "/v1/bundles/latest", runtime)).status).toBe(200);
    const { length } = (await (await get(server, `${path}/envs/dev/bundles`)).json()) as unknown[];
    expect(length).toBe(1);
    expect((await get(server, `${path}/envs/dev/bundles/1`)).status).toBe(200);
    expect(await (await get(server, `${path}/envs/staging/bundles`)).json()).toEqual([]);
    const verified = await get(server, `${path.split("/projects")[0]}/audit/verify`);
    expect(await verified.json()).toMatchObject({ valid: true, checked: 3 });
  });

  it("gives a new admin token offline, not while it runs, and the audit says operator", async () => {
    const first = await start();
    const offline = () => createOfflineAdminToken(config(), "lost");
    await expect(offline()).rejects.toMatchObject({ code: "conflict" });
    expect(existsSync(first.adminTokenFile)).toBe(false);
    const { orgId = "" } = first.firstStart ?? {};
    await first[Symbol.asyncDispose]();

    const made = await offline();
    expect(readFileSync(made.file, "utf8").trim()).toBe(made.rawKey);
    expect(statSync(made.file).mode & 0o777).toBe(0o600);
    await using server = await start();
    expect((await get(server, "/v1/whoami", made.rawKey)).status).toBe(200);
    expect((await get(server, "/v1/whoami")).status).toBe(200);
    const events = (await (await get(server, `/v1/orgs/${orgId}/audit`)).json()) as object[];
    expect(events[0]).toMatchObject({ actor: "operator", action: "token.created" });
    expect(events).toHaveLength(2);
  });

  it("gives no admin token offline where there is no database, and makes none", async () => {
    const empty = files("empty");
    const refused = createOfflineAdminToken(testConfig({ SIGNET_DATA: empty }));
    await expect(refused).rejects.toMatchObject({ code: "not_found" });
    expect(existsSync(empty)).toBe(false);
  });

  it("answers its probes without a token, and nobody after it stopped", async () => {
    const server = await start();
    const healthy = await fetch(`${server.url}/healthz`);
    expect(healthy.status).toBe(200);
    expect(await healthy.json()).toEqual({ status: "ok", version: expect.any(String) as string });
    expect((await fetch(`${server.url}/readyz`)).status).toBe(200);
    await server[Symbol.asyncDispose]();
    await expect(fetch(`${server.url}/healthz`)).rejects.toThrow();
  });

  it("can be disposed of twice, and at once", async () => {
    const server = await start();
    await Promise.all([server[Symbol.asyncDispose](), server[Symbol.asyncDispose]()]);
    await server[Symbol.asyncDispose]();
    await using again = await start();
    expect(again.firstStart).toBeNull();
  });
});

describe("the log of a server", () => {
  const directory = useDirectory();

  it("never has a raw token, the admin token or a private key in it, whatever happens", async () => {
    let logged = "";
    const stream = new Writable({
      write(chunk: Buffer, _encoding, done) {
        logged += chunk.toString();
        done();
      },
    });
    const log = pino({ level: "trace" }, stream);
    const settings = { SIGNET_DATA: directory.path, SIGNET_RATE_LIMIT: "60", SIGNET_LOG_LEVEL: "trace" };
    const secrets = [ADMIN_TOKEN, "an-unknown-token-0123456789"];
    const first = await startServer(testConfig(settings), log);
    const path = base(first);
    const org = path.split("/projects")[0];
    const take = async (answer: Response) => {
      secrets.push(...((await answer.text()).match(/signet_(?:adm|ci|rt)_\w{8}_\w{49}/g) ?? []));
    };
    await take(await post(first, `${org}/projects`, { name: "second" }));
    await take(await post(first, `${org}/tokens/admin`, {}));
    await take(await post(first, `${org}/tokens/ci`, { project_id: first.firstStart?.projectId }));
    await take(await post(first, `${org}/tokens/3/rotate`, { grace_seconds: 60 }));
    await take(await post(first, "/v1/orgs", { name: "tenant" }));
    expect(secrets.length).toBeGreaterThanOrEqual(8);
    for (const token of secrets) {
      await get(first, "/v1/whoami", token);
      await get(first, `${path}/envs/none/bundles`, token);
      await get(first, `/v1/bundles/latest?token=${token}&api_key=${token}`, token);
      await fetch(`${first.url}/v1/whoami`, { headers: { Authorization: `Basic ${token}` } });
      await fetch(`${first.url}/v1/whoami`, { headers: { Cookie: `token=${token}` } });
      await post(first, `${path}/envs/dev/bundles/publish`, { policies: token }, token);
    }
    for (let n = 0; n < 70; n += 1) await get(first, "/v1/keys");
    await first[Symbol.asyncDispose]();
    const pem = readFileSync(join(directory.path, "bundle-signing-key.pem"), "utf8");
    const [, body = ""] = pem.split("\n");
    const broken = `-----BEGIN PRIVATE KEY-----\n${body.slice(0, 40)}`;
    const again = await startServer(testConfig({ ...settings, SIGNET_SIGNING_KEY: broken }), log);
    await post(again, `${path}/envs/dev/bundles/publish`, { policies: {} });
    await again[Symbol.asyncDispose]();

    expect(logged.split("\n").length).toBeGreaterThan(100);
    expect(logged).toContain("signing key cannot be used");
    for (const secret of [...secrets, body.slice(0, 40)]) expect(logged).not.toContain(secret);
    expect(logged).not.toContain("PRIVATE KEY");
  });
});

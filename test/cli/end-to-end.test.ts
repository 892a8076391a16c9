import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { connect as connectHttp2, type ClientHttp2Stream } from "node:http2";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Database from "better-sqlite3";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { runProcess, Signet, startServe } from "./spawned.js";

const folder = mkdtempSync(join(tmpdir(), "signet-e2e-"));
const data = join(folder, "data");
const file = (name: string) => join(folder, name);

let server: Signet;
let url: string;
let runtimeToken: string;

/** Runs a command as somebody who sits at the server's machine. */
async function signet(...argv: string[]) {
  return await runProcess(argv, { SIGNET_URL: url, SIGNET_DATA: data });
}

async function signetOk(...argv: string[]): Promise<string> {
  const { exitCode, out, err } = await signet(...argv);
  expect(exitCode, err).toBe(0);
  return out;
}

/** Publishes to dev; the new version and its sequence. */
async function publish(...options: string[]): Promise<{ version: number; sequence: number }> {
  const argv = ["publish", "-f", file("policy.yaml"), "--env", "dev", "--json", ...options];
  const bundle = JSON.parse(await signetOk(...argv)) as { version: number; sequence: number };
  expect(bundle).toMatchObject({ is_active: true, origin: "publish" });
  return bundle;
}

beforeAll(async () => {
  ({ server, url } = await startServe(data));
  writeFileSync(file("policy.yaml"), "rules:\n  - allow: true\n    limit: 1.5\n");
  runtimeToken = (await signetOk("token", "create", "--runtime", "--env", "dev", "--name", "e2e")).trim();
  writeFileSync(file("keys.pem"), await signetOk("keys", "--pem"));
  await publish();
});

afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

describe("a team's day", () => {
  it("publishes YAML, watches, verifies, promotes", async () => {
    const first = await publish();
    const files = ["--keys", file("keys.pem"), "--out", file("out.json"), "--cache", file("cache.json")];
    const watching = ["watch", "--json", "--count", "2", "--instance", "e2e", ...files];
    await using watch = Signet.start(watching, { SIGNET_URL: url, SIGNET_TOKEN: runtimeToken });
    expect(JSON.parse(await watch.line(/"event"/))).toMatchObject({
      event: "activation",
      sequence: first.sequence,
      version: first.version,
      kind: "publish",
      verified: true,
    });
    const second = await publish("--title", "the second");
    expect(await watch.exit).toBe(0);
    expect(JSON.parse(watch.out.trim().split("\n").at(-1) ?? "")).toMatchObject({
      sequence: second.sequence,
      version: second.version,
      verified: true,
    });

    const document = await signetOk("bundles", "document", String(second.version), "--env", "dev");
    expect(readFileSync(file("out.json"), "utf8")).toBe(document);
    expect((JSON.parse(readFileSync(file("cache.json"), "utf8")) as { document: string }).document).toBe(document);
    expect(JSON.parse(await signetOk("runtimes", "--env", "dev", "--json"))).toMatchObject({
      data: [{ instance_id: "e2e", state: "applied", applied_sequence: second.sequence, behind_by: 0 }],
    });

    const verify = ["verify", file("out.json"), "--keys", file("keys.pem"), "--env"];
    expect((await runProcess([...verify, "dev"], {})).exitCode).toBe(0);
    expect((await runProcess([...verify, "prod"], {})).exitCode).toBe(8);

    const promoted = JSON.parse(await signetOk("promote", "--from", "dev", "--json")) as object;
    expect(promoted).toMatchObject({ origin: "promote", is_active: true });
    const fromLast = await signet("promote", "--from", "prod", "--json");
    expect(fromLast.exitCode).toBe(5);
    expect(JSON.parse(fromLast.err.trim().split("\n").at(-1) ?? "")).toMatchObject({ error: "no_target" });
  });

  it("stops a watch with SIGINT: 130", async () => {
    await using watch = Signet.start(["watch"], { SIGNET_URL: url, SIGNET_TOKEN: runtimeToken });
    await watch.line(/verified/);
    expect(await watch.stop("SIGINT")).toBe(130);
    expect(watch.err).toContain("trusting the server's bundles key");
  });

  it("ends a watch whose token is revoked: 3", async () => {
    const made = ["token", "create", "--runtime", "--env", "dev", "--name", "short", "--json"];
    const token = JSON.parse(await signetOk(...made)) as { id: number; raw_key: string };
    await using watch = Signet.start(["watch"], { SIGNET_URL: url, SIGNET_TOKEN: token.raw_key });
    await watch.line(/verified/);
    await signetOk("token", "revoke", String(token.id));
    expect(await watch.exit).toBe(3);
  });

  it("is quiet when nobody reads on", async () => {
    await using bundles = Signet.start(["bundles", "--env", "dev"], { SIGNET_URL: url, SIGNET_DATA: data });
    bundles.child.stdout?.destroy();
    expect(await bundles.exit).toBe(0);
    expect(bundles.err).not.toMatch(/EPIPE|at /);
  });
});

describe("the data directory", () => {
  it("belongs to one process: a second server and an offline command are refused with 5", async () => {
    const second = await runProcess(["serve", "--port", "0", "--data", data], {});
    expect({ exitCode: second.exitCode, out: second.out }).toEqual({ exitCode: 5, out: "" });
    const offline = await runProcess(["token", "create", "--admin", "--data", data], {});
    expect({ exitCode: offline.exitCode, out: offline.out }).toEqual({ exitCode: 5, out: "" });
    expect(offline.err).toMatch(/data|server|process/);
  });

  it("is served with a warning about variables that nothing reads, without their values", async () => {
    const { port } = new URL(url);
    const variables = { SIGNET_RATE_LIMITS: "a-value", SIGNET_RATE_LIMIT_FILE: "", SIGNET_TOKEN: "a-token" };
    const { err } = await runProcess(["serve", "--port", port, "--data", join(folder, "no-port")], variables);
    expect(err).toContain('"variables":["SIGNET_RATE_LIMITS"]');
    expect(err).not.toContain("a-value");
  });

  it("is another's only when its port is free: a server on a taken one is refused with 5", async () => {
    const { port } = new URL(url);
    const elsewhere = join(folder, "no-port");
    const second = await runProcess(["serve", "--port", port, "--data", elsewhere, "--log-level", "silent"], {});
    expect(second).toEqual({
      exitCode: 5,
      out: "",
      err: `signet: port ${port} of 127.0.0.1 is in use: choose another with --port (SIGNET_PORT)\n`,
    });
  });

  it("tells a cut tail of the audit only who kept a head", async () => {
    const output = await signetOk("audit", "head");
    writeFileSync(file("head.json"), output);
    const withHead = ["audit", "verify", "--expect-head", file("head.json")];
    expect(await signetOk(...withHead)).toContain("the chain holds");
    expect(await server.stop("SIGTERM")).toBe(0);

    cutNewestAuditEvent();
    ({ server, url } = await startServe(data));
    expect(await signetOk("audit", "verify")).toContain("the chain holds");
    const { exitCode, out } = await signet(...withHead);
    expect(exitCode).toBe(8);
    expect(out).toMatch(/^BROKEN at event \d+/);

    const head = JSON.parse(output) as { number: number };
    writeFileSync(file("forged.json"), JSON.stringify({ ...head, number: head.number - 1 }));
    const forged = await signet("audit", "verify", "--expect-head", file("forged.json"));
    expect(forged.exitCode).toBe(8);
    expect(forged.err).toContain("signature");
  });

  it("gives a new admin token while the server is stopped", async () => {
    expect(await server.stop("SIGINT")).toBe(0);
    const made = await runProcess(["token", "create", "--admin", "--data", data, "--json"], {});
    expect(made.exitCode, made.err).toBe(0);
    const { raw_key: token } = JSON.parse(made.out) as { raw_key: string };
    const nowhere = await runProcess(["token", "create", "--admin", "--data", file("nowhere")], {});
    expect({ exitCode: nowhere.exitCode, out: nowhere.out }).toEqual({ exitCode: 4, out: "" });

    ({ server, url } = await startServe(data));
    const me = await runProcess(["whoami", "--json"], { SIGNET_URL: url, SIGNET_TOKEN: token });
    expect(JSON.parse(me.out)).toMatchObject({ key_type: "admin", project_id: null });
    // With a token, --data has no meaning: somebody who says both may have set the token long ago.
    const online = ["token", "create", "--admin", "--data", file("nowhere")];
    expect((await runProcess(online, { SIGNET_URL: url, SIGNET_TOKEN: token })).exitCode).toBe(2);
  });

  it("lets a watch start from its cache while the server is away, and go on when it is back", async () => {
    const { sequence } = await publish();
    const watching = ["watch", "--keys", file("keys.pem"), "--cache", file("away.json"), "--count", "1", "--json"];
    const environment = { SIGNET_URL: url, SIGNET_TOKEN: runtimeToken };
    expect((await runProcess(watching, environment)).exitCode).toBe(0);
    expect(await server.stop()).toBe(0);

    await using watch = Signet.start(watching, environment);
    const cached = JSON.parse(await watch.line(/./)) as object;
    expect(cached).toMatchObject({ sequence, from: "cache", verified: true });
    await watch.errLine(/disconnected: .*ECONNREFUSED/);
    ({ server, url } = await startServe(data, "--port", new URL(url).port));
    await publish();
    expect(await watch.exit).toBe(0);
    const [, pushed = "", ...rest] = watch.out.split("\n");
    expect(JSON.parse(pushed)).toMatchObject({ sequence: sequence + 1, from: "server", verified: true });
    expect(rest).toEqual([""]);
  });

  it("lets a second signal end a server that still waits", async () => {
    const { server: slow, url: slowUrl } = await startServe(
      file("slow"),
      "--shutdown-grace-ms",
      "600000",
      "--log-level",
      "info",
    );
    await using _ = slow;
    const token = readFileSync(file("slow/admin-token"), "utf8").trim();
    const session = connectHttp2(slowUrl);
    const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
    // A body that never comes.
    session.request({ ":method": "POST", ":path": "/signet.v1.TokenService/WhoAmI", ...headers });
    await answered(session.request({ ":path": "/healthz" }));
    slow.child.kill("SIGTERM");
    await slow.errLine(/shutting down/);
    expect(slow.child.exitCode).toBeNull();
    expect(await slow.stop("SIGTERM")).toBe(143);
    session.destroy();
  });
});

function cutNewestAuditEvent(): void {
  const database = new Database(join(data, "signet.db"));
  const table = "audit_events";
  const triggers = database
    .prepare("select name from sqlite_master where type = 'trigger' and tbl_name = ?")
    .all(table);
  for (const { name } of triggers as { name: string }[]) database.exec(`drop trigger "${name}"`);
  const { changes } = database.prepare(`delete from ${table} where id = (select max(id) from ${table})`).run();
  database.close();
  expect(changes).toBe(1);
}

function answered(stream: ClientHttp2Stream): Promise<void> {
  return new Promise((resolve, reject) => {
    stream.resume().once("end", resolve).once("error", reject);
  });
}

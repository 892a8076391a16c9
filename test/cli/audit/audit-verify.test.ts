import { writeFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Database from "better-sqlite3";
import { pino } from "pino";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { createNobleSigner } from "../../../src/bundle/ed25519-noble.js";
import { formatPrivateKey } from "../../../src/bundle/keys.js";
import { systemClock } from "../../../src/core/clock.js";
import { openDataDirectory } from "../../../src/server/database/data-directory.js";
import { KeyRing } from "../../../src/service/keys/key-ring.js";
import { createAudit } from "../../../src/service/audit/audit.js";
import { startServer, type RunningServer } from "../../../src/server/server.js";
import { ADMIN_TOKEN, startTestServer, testConfig, type TestServer } from "../../support/server.js";
import { runSignet } from "../in-process.js";

/** More than one part of 5,000. */
const EVENTS = 5_050;
/** More than one page has room for. */
const LARGE_EVENTS = 50;
const LARGE = "x".repeat(100_000);

describe("signet audit verify of a long chain", () => {
  let first: TestServer;
  let server: RunningServer;
  const keysFile = () => join(first.directory, "audit-keys.pem");
  beforeAll(async () => {
    first = await startTestServer();
    await first.server[Symbol.asyncDispose]();
    const options = { signingKey: null, synchronous: "normal", create: false, nativeDirectory: null } as const;
    const { store, keys, ...data } = await openDataDirectory({ path: first.directory, ...options });
    const audit = createAudit({
      ...{ store, clock: systemClock, signer: keys.audit },
      ring: new KeyRing({ store, keys }),
    });
    await store.write(async (tx) => {
      const entry = { action: "test.filled", resourceType: "test", resourceId: "1" };
      for (let n = 0; n < EVENTS; n += 1) await audit.record(tx, first.orgId, "system", entry);
      const large = { ...entry, metadata: { text: LARGE } };
      for (let n = 0; n < LARGE_EVENTS; n += 1) await audit.record(tx, first.orgId, "system", large);
    });
    writeFileSync(keysFile(), keys.audit.publicKeyPem);
    await data[Symbol.asyncDispose]();
    server = await startServer(testConfig({ SIGNET_DATA: first.directory }), pino({ level: "silent" }));
  }, 120_000);
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
    await first[Symbol.asyncDispose]();
  });

  const verify = (args: readonly string[], isErrTerminal: boolean) =>
    runSignet(["audit", "verify", ...args], {
      environment: { SIGNET_URL: server.url, SIGNET_TOKEN: ADMIN_TOKEN },
      isErrTerminal,
    });

  it("says how far it is at a terminal, and counts all of it", async () => {
    const { exitCode, out, err } = await verify([], true);
    const [, checked = "0"] = /^the chain holds: (\d+) events checked\ntrusted keys: [0-9a-f]{16}\n$/.exec(out) ?? [];
    expect([exitCode, Number(checked)]).toEqual([0, Math.max(EVENTS, Number(checked))]);
    expect(err).toBe(`5000 of ${checked} events checked\n`);
  });

  it("checks here what comes in pages that are shorter than asked for", async () => {
    const { exitCode, out } = await verify(["--keys", keysFile(), "--limit", "60"], false);
    expect(out).toContain("the chain holds: 60 events checked");
    expect(exitCode).toBe(0);
  });

  it.each([
    ["into a file", [], false],
    ["as JSON", ["--json"], true],
    ["in one part", ["--limit", "100"], true],
  ])("says nothing of it %s", async (_how, args, isErrTerminal) => {
    const { exitCode, err } = await verify(args, isErrTerminal);
    expect([exitCode, err]).toEqual([0, ""]);
  });
});

describe("signet audit verify --keys", () => {
  let folder: string;
  let server: RunningServer;
  const environment = () => ({ SIGNET_URL: server.url, SIGNET_TOKEN: ADMIN_TOKEN });
  const start = async () => {
    const config = testConfig({ SIGNET_DATA: join(folder, "data") });
    server = await startServer(config, pino({ level: "silent" }));
  };
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "signet-verify-"));
    await start();
  });
  afterEach(async () => {
    await server[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  });

  const audit = async () => {
    const { out } = await runSignet(["keys", "--json"], { environment: environment() });
    const keys = JSON.parse(out) as { [field: string]: string | boolean }[];
    const current = keys.find(({ purpose, is_current: isCurrent }) => purpose === "audit" && isCurrent);
    return { keyId: String(current?.key_id), publicKeyPem: String(current?.public_key_pem) };
  };
  const verify = async (...pems: string[]) => {
    const file = join(folder, "audit.pub");
    await writeFile(file, pems.join(""));
    const args = pems.length === 0 ? [] : ["--keys", file];
    const { exitCode, out } = await runSignet(["audit", "verify", ...args], { environment: environment() });
    return [exitCode, out];
  };
  const restartWith = async (change: (data: string) => Promise<void> | void) => {
    await server[Symbol.asyncDispose]();
    await change(join(folder, "data"));
    await start();
  };
  const makeToken = () => runSignet(["token", "create", "--admin"], { environment: environment() });
  const holds = expect.stringMatching(/^the chain holds: \d+ events checked\n/) as string;

  it("checks every event with the keys of the file alone", async () => {
    const { keyId, publicKeyPem } = await audit();
    expect(await verify(publicKeyPem)).toEqual([0, expect.stringMatching(`trusted keys: ${keyId}\n`)]);
    const other = createNobleSigner(formatPrivateKey(new Uint8Array(32).fill(3))).publicKeyPem;
    expect(await verify(other)).toEqual([
      8,
      expect.stringMatching(`^BROKEN at event 1: its key ${keyId} is not among`),
    ]);
  });

  it("does not take a key that only the server endorses", async () => {
    const before = await audit();
    await restartWith(async (data) => {
      const pem = formatPrivateKey(new Uint8Array(32).fill(4));
      await writeFile(join(data, "audit-signing-key.pem"), pem, { mode: 0o600 });
    });
    await makeToken();
    const after = await audit();
    expect(await verify()).toEqual([0, holds]);
    const broken = expect.stringMatching(`^BROKEN at event \\d+: its key ${after.keyId} is not among --keys`) as string;
    expect(await verify(before.publicKeyPem)).toEqual([8, broken]);
    expect(await verify(before.publicKeyPem, after.publicKeyPem)).toEqual([0, holds]);
  });

  it("finds an event that was changed", async () => {
    const { publicKeyPem } = await audit();
    await restartWith((data) => {
      const database = new Database(join(data, "signet.db"));
      const triggers = database.prepare("select name from sqlite_master where type = 'trigger'").pluck().all();
      for (const name of triggers as string[]) database.exec(`drop trigger "${name}"`);
      database.prepare("update audit_events set actor = 'somebody' where id = 1").run();
      database.close();
    });
    expect(await verify(publicKeyPem)).toEqual([
      8,
      expect.stringMatching("^BROKEN at event 1: its signature does not verify"),
    ]);
  });
});

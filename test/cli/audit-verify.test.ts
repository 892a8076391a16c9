import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { pino } from "pino";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { systemClock } from "../../src/core/clock.js";
import { openDataDirectory } from "../../src/data-directory.js";
import { KeyRing } from "../../src/service/key-ring.js";
import { createAudit } from "../../src/service/audit.js";
import { startServer, type RunningServer } from "../../src/server.js";
import { ADMIN_TOKEN, startTestServer, testConfig, type TestServer } from "../support/server.js";
import { runSignet } from "./in-process.js";

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
    const [, checked = "0"] =
      /^the chain holds: (\d+) events checked\nkeys that count: [0-9a-f]{16}\n$/.exec(out) ?? [];
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

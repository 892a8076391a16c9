import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pino } from "pino";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { adminTokenIn, keepAdminToken, settleAdminToken } from "../../src/server/admin-token-file.js";
import { createRawKey } from "../../src/service/tokens/raw-key.js";
import { Tokens } from "../../src/service/tokens/tokens.js";
import { NO_WARNINGS } from "../../src/service/changes/observers.js";
import { useServices } from "../service/fixture.js";

describe("the admin token file", () => {
  const signet = useServices();
  let first: string;
  let id: number;
  let tokens: Tokens;
  const file = () => join(signet.directory, "admin-token");
  const next = () => `${file()}.next`;
  const kept = () => readFileSync(file(), "utf8").trim();
  const works = async (rawKey: string) =>
    signet.services.authentication.authenticate(rawKey).then(
      () => true,
      () => false,
    );
  const settle = () => settleAdminToken(signet.directory, signet.store.read);

  beforeEach(async () => {
    const { audit, sessions, cache, outbox, clock } = signet.services;
    const keptKey = adminTokenIn(signet.directory, pino({ level: "silent" }));
    const deps = { audit, sessions, cache, outbox, clock, warnings: NO_WARNINGS, keptKey };
    tokens = new Tokens({ store: signet.store, ...deps });
    const made = await tokens.createAdmin(signet.admin, { name: "kept", expiresInDays: null });
    [first, id] = [made.rawKey, made.token.id];
    keepAdminToken(signet.directory, first);
  });
  afterEach(() => rmSync(next(), { force: true, recursive: true }));

  it.each([0, 3600])("gets the new key at a rotation with %i seconds of grace", async (grace) => {
    const { rawKey, isKept } = await tokens.rotate(signet.admin, id, grace);
    expect([isKept, kept(), await works(rawKey), await works(first)]).toEqual([true, rawKey, true, grace > 0]);
    expect(existsSync(next())).toBe(false);
    const again = await tokens.rotate(signet.admin, id, 0);
    expect([again.isKept, kept()]).toEqual([true, again.rawKey]);
  });

  it("keeps the newest key whatever many rotations at once do", async () => {
    await Promise.all(Array.from({ length: 8 }, () => tokens.rotate(signet.admin, id, 0)));
    expect(await works(kept())).toBe(true);
  });

  it("is left alone by rotations of other tokens, and to a key of one's own", async () => {
    const other = await tokens.createAdmin(signet.admin, { name: "other", expiresInDays: null });
    expect(await tokens.rotate(signet.admin, other.token.id, 0)).not.toHaveProperty("isKept");
    expect(kept()).toBe(first);
    expect(await tokens.rotate(signet.admin, id, 0, "a".repeat(64))).not.toHaveProperty("isKept");
    expect(kept()).toBe(first);
  });

  it("is settled at the next start: a successor that was committed takes its place, another one goes", async () => {
    writeFileSync(next(), `${createRawKey("admin").rawKey}\n`);
    await settle();
    expect([kept(), existsSync(next()), await works(first)]).toEqual([first, false, true]);
    // Committed, and the process ended before the file was replaced.
    const { rawKey } = await tokens.rotate(signet.admin, id, 0);
    writeFileSync(file(), `${first}\n`);
    writeFileSync(next(), `${rawKey}\n`);
    await settle();
    expect([kept(), existsSync(next()), await works(kept())]).toEqual([rawKey, false, true]);
  });

  it("goes on from a successor that could not take its place, also at the next rotation", async () => {
    const { rawKey } = await tokens.rotate(signet.admin, id, 0);
    writeFileSync(file(), `${first}\n`);
    writeFileSync(next(), `${rawKey}\n`);
    const again = await tokens.rotate(signet.admin, id, 0);
    expect([again.isKept, kept()]).toEqual([true, again.rawKey]);
  });

  it("refuses the rotation when the successor cannot be written: the old key goes on", async () => {
    mkdirSync(`${next()}.${process.pid}.new`);
    writeFileSync(join(`${next()}.${process.pid}.new`, "x"), "");
    await expect(tokens.rotate(signet.admin, id, 0)).rejects.toMatchObject({ code: "unavailable" });
    rmSync(`${next()}.${process.pid}.new`, { recursive: true });
    expect([kept(), await works(first)]).toEqual([first, true]);
    chmodSync(file(), 0o600);
  });
});

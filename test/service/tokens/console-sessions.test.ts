import { describe, expect, it, test } from "vitest";
import type { Principal } from "../../../src/core/token.js";
import { MAX_SESSIONS_OF_TOKEN } from "../../../src/service/tokens/console-sessions.js";
import { DAY, HOUR, useServices } from "../fixture.js";

const fixture = useServices();

const MINUTE = 60;

/** Signs in with a new admin token, and answers with the id and with what a call of the session is. */
async function signedIn(options: { readonly expiresInDays?: number } = {}) {
  const { tokens, authentication, consoleSessions } = fixture.services;
  const issued = await tokens.createAdmin(fixture.admin, { name: null, expiresInDays: options.expiresInDays ?? null });
  const principal = await authentication.authenticate(issued.rawKey);
  const { id, session } = await consoleSessions.open(principal);
  return { tokenId: issued.token.id, rawKey: issued.rawKey, id, session };
}

const call = (id: string, isUnattended = false): Promise<Principal> =>
  fixture.services.consoleSessions.authenticate({ id, isUnattended });

async function isOver(id: string): Promise<boolean> {
  return await call(id, true).then(
    () => false,
    (thrown: unknown) => {
      expect(thrown).toMatchObject({ code: "unauthenticated" });
      return true;
    },
  );
}

describe("a session", () => {
  it("is its token, until it ends", async () => {
    const { id, tokenId, session } = await signedIn();
    const principal = await call(id);
    expect(principal).toMatchObject({ tokenId, keyType: "admin", orgId: fixture.orgId, sessionHash: session.hash });
    expect(principal.expiresAt).toBe(session.endsAt);
    expect(session.hash).not.toContain(id);
    await fixture.services.consoleSessions.end(principal);
    expect(await isOver(id)).toBe(true);
  });

  it("ends after 30 minutes without a call, and not before", async () => {
    const { id } = await signedIn();
    for (let minutes = 0; minutes < 90; minutes += 29) {
      fixture.clock.advanceSeconds(29 * MINUTE);
      await call(id);
    }
    fixture.clock.advanceSeconds(30 * MINUTE);
    expect(await isOver(id)).toBe(true);
  });

  it("is not used by calls that nobody asked for", async () => {
    const { id } = await signedIn();
    for (let calls = 0; calls < 3; calls += 1) {
      fixture.clock.advanceSeconds(9 * MINUTE);
      await call(id, true);
    }
    fixture.clock.advanceSeconds(3 * MINUTE);
    expect(await isOver(id)).toBe(true);
  });

  it("ends after 8 hours, however much it is used", async () => {
    const { id } = await signedIn();
    for (let passed = 0; passed < 8 * 60 - 20; passed += 20) {
      fixture.clock.advanceSeconds(20 * MINUTE);
      await call(id);
    }
    fixture.clock.advanceSeconds(20 * MINUTE);
    expect(await isOver(id)).toBe(true);
  });

  it("keeps its uses over a restart, once they are written", async () => {
    const { id } = await signedIn();
    fixture.clock.advanceSeconds(20 * MINUTE);
    await call(id);
    await fixture.services.consoleSessions.flush();
    await fixture.reopen();
    fixture.clock.advanceSeconds(20 * MINUTE);
    await call(id);
    fixture.clock.advanceSeconds(30 * MINUTE);
    expect(await isOver(id)).toBe(true);
  });

  it("is known from the sign-in on, so that failures at its address do not keep its first call out", async () => {
    const { consoleSessions } = fixture.services;
    const { id } = await signedIn();
    expect(consoleSessions.wasValid(id)).toBe(true);
    await consoleSessions.end(await call(id));
    expect(consoleSessions.wasValid(id)).toBe(false);
    expect(consoleSessions.wasValid("A".repeat(43))).toBe(false);
  });

  it("tells when it ends", async () => {
    const { id, session } = await signedIn({ expiresInDays: 1 });
    fixture.clock.advanceSeconds(7 * MINUTE);
    const ends = await fixture.services.consoleSessions.endsOf(await call(id));
    const after = (instant: string) => (Date.parse(instant) - Date.parse(session.createdAt)) / 60_000;
    expect([after(ends.createdAt), after(ends.idleEndsAt), after(ends.endsAt)]).toEqual([0, 37, 480]);
  });
});

describe("it ends with its token", () => {
  test("revoked", async () => {
    const { id, tokenId } = await signedIn();
    await call(id);
    await fixture.services.tokens.revoke(fixture.admin, tokenId);
    expect(await isOver(id)).toBe(true);
  });

  test("rotated: at once, or at the end of the grace time", async () => {
    const [first, second] = [await signedIn(), await signedIn()];
    await fixture.services.tokens.rotate(fixture.admin, first.tokenId, 0);
    expect(await isOver(first.id)).toBe(true);
    await fixture.services.tokens.rotate(fixture.admin, second.tokenId, 15 * MINUTE);
    expect(await isOver(second.id)).toBe(false);
    fixture.clock.advanceSeconds(15 * MINUTE);
    expect(await isOver(second.id)).toBe(true);
  });

  test("expired", async () => {
    const { tokens, authentication, consoleSessions } = fixture.services;
    const issued = await tokens.createAdmin(fixture.admin, { name: null, expiresInDays: 1 });
    fixture.clock.advanceSeconds(DAY - 10 * MINUTE);
    const { id } = await consoleSessions.open(await authentication.authenticate(issued.rawKey));
    expect((await call(id)).expiresAt).toBe(issued.token.expiresAt);
    fixture.clock.advanceSeconds(10 * MINUTE);
    expect(await isOver(id)).toBe(true);
  });

  test("a revoked token opens none", async () => {
    const { tokens, authentication, consoleSessions } = fixture.services;
    const issued = await tokens.createAdmin(fixture.admin, { name: null, expiresInDays: null });
    const principal = await authentication.authenticate(issued.rawKey);
    await tokens.revoke(fixture.admin, issued.token.id);
    await expect(consoleSessions.open(principal)).rejects.toMatchObject({ code: "unauthenticated" });
  });
});

describe("streams of a session", () => {
  async function openStream(id: string) {
    const principal = await call(id);
    const stream = fixture.services.sessions.open("stream", principal, "none", "192.0.2.1");
    return { principal, stream };
  }

  test("end with the sign-out, those of other sessions do not", async () => {
    const [one, other] = [await signedIn(), await signedIn()];
    const { principal, stream } = await openStream(one.id);
    const { stream: kept } = await openStream(other.id);
    await fixture.services.consoleSessions.end(principal);
    expect([stream.signal.aborted, kept.signal.aborted]).toEqual([true, false]);
    expect(stream.signal.reason).toMatchObject({ code: "unauthenticated", reason: "session_ended" });
    await expect(fixture.services.authentication.recheck(principal)).rejects.toMatchObject({
      code: "unauthenticated",
    });
  });

  test("end when the token is revoked", async () => {
    const { id, tokenId } = await signedIn();
    const { stream } = await openStream(id);
    await fixture.services.tokens.revoke(fixture.admin, tokenId);
    expect(stream.signal.aborted).toBe(true);
  });

  test("end when nobody used the session for 30 minutes", async () => {
    const { id } = await signedIn();
    const { stream } = await openStream(id);
    fixture.clock.advanceSeconds(30 * MINUTE - 1);
    await fixture.services.consoleSessions.endStreams();
    expect(stream.signal.aborted).toBe(false);
    fixture.clock.advanceSeconds(MINUTE);
    await fixture.services.consoleSessions.endStreams();
    expect(stream.signal.aborted).toBe(true);
  });

  test("are told when the session ends at the latest", async () => {
    const { id, session } = await signedIn();
    const { principal } = await openStream(id);
    expect(await fixture.services.authentication.recheck(principal)).toBe(session.endsAt);
  });
});

describe("bounds", () => {
  it("refuses what is no id, and ids that nobody has", async () => {
    const { id } = await signedIn();
    for (const wrong of ["", "x", `${id}x`, id.slice(1), id.toUpperCase(), "ä".repeat(43), "A".repeat(43)]) {
      expect(await isOver(wrong)).toBe(true);
    }
    expect(await isOver(id)).toBe(false);
  });

  it("keeps so many of a token, and ends the one that was used longest ago", async () => {
    const { consoleSessions, authentication } = fixture.services;
    const first = await signedIn();
    const principal = await authentication.authenticate(first.rawKey);
    fixture.clock.advanceSeconds(1);
    const seenAt = fixture.clock.now().toISOString();
    await fixture.store.write(async (tx) => {
      for (let count = 1; count < MAX_SESSIONS_OF_TOKEN; count += 1) {
        await tx.insertConsoleSession({ ...first.session, hash: `other ${count}`, seenAt });
      }
    });
    expect(await isOver(first.id)).toBe(false);
    fixture.clock.advanceSeconds(1);
    const { id } = await consoleSessions.open(principal);
    expect([await isOver(first.id), await isOver(id)]).toEqual([true, false]);
  });

  it("deletes the rows of those that ended", async () => {
    const { consoleSessions } = fixture.services;
    const { session } = await signedIn();
    fixture.clock.advanceSeconds(8 * HOUR + 30 * MINUTE);
    await consoleSessions.prune();
    expect(await fixture.store.read.consoleSession(session.hash)).not.toBeNull();
    fixture.clock.advanceSeconds(HOUR);
    await consoleSessions.prune();
    expect(await fixture.store.read.consoleSession(session.hash)).toBeNull();
  });
});

test("sign-in and sign-out are in the audit, without the secret", async () => {
  const { id, tokenId } = await signedIn();
  await fixture.services.consoleSessions.end({ ...(await call(id)), source: "192.0.2.7" });
  const { rows } = await fixture.services.audit.list({ orgId: fixture.orgId, limit: 2 });
  expect(rows.map(({ action, resourceId }) => [action, resourceId])).toEqual([
    ["console.signed_out", String(tokenId)],
    ["console.signed_in", String(tokenId)],
  ]);
  expect(rows[0]?.metadata).toMatchObject({ source: "192.0.2.7" });
  expect(JSON.stringify(rows)).not.toContain(id);
});

import { describe, expect, it } from "vitest";
import type { AuditEvent } from "../../../src/core/audit.js";
import { actorOfEvent } from "../../../src/service/audit/audit-form.js";
import { emptyHash } from "../../../src/service/audit/audit.js";
import { useServices, type Fixture } from "../fixture.js";

/** Every state change; each must leave exactly one event with this name. */
const CHANGES: readonly (readonly [action: string, change: (signet: Fixture) => Promise<unknown>])[] = [
  ["bundle.published", (s) => s.publish("dev", { n: 9 })],
  ["bundle.promoted", (s) => s.promote("dev")],
  ["bundle.activated", (s) => s.activate("dev", 1)],
  ["bundle.deleted", (s) => s.services.bundles.delete(s.admin, s.path("dev"), 1)],
  ["token.created", (s) => s.services.tokens.createAdmin(s.admin, { name: null, expiresInDays: null })],
  ["token.created", (s) => s.ci()],
  ["token.created", (s) => s.runtime("dev")],
  ["token.rotated", (s) => s.services.tokens.rotate(s.admin, s.admin.tokenId, 0)],
  ["token.revoked", (s) => s.services.tokens.revoke(s.admin, s.admin.tokenId)],
  ["organization.created", (s) => s.foreigner()],
  ["organization.updated", (s) => s.services.organizations.update(s.admin, s.orgId, { name: "n" })],
  ["project.created", (s) => s.services.projects.create(s.admin, "p")],
  ["project.deleted", (s) => s.services.projects.delete(s.admin, s.projectId)],
  [
    "environment.created",
    (s) => s.services.environments.create(s.admin, s.projectId, { name: "qa", promotesTo: null }),
  ],
  ["environment.updated", (s) => s.services.environments.update(s.admin, s.path("dev"), { position: 5 })],
  ["environment.deleted", (s) => s.services.environments.delete(s.admin, s.path("dev"))],
];

describe("the audit", () => {
  const signet = useServices();

  it.each(CHANGES)("has exactly one event of %s (%#), by whom, and nothing secret in it", async (action, change) => {
    await signet.publish("dev", { n: 1 });
    await signet.publish("dev", { n: 2 });
    const before = (await signet.actions()).length;
    await change(signet);
    const { rows } = await signet.services.audit.list({ orgId: signet.orgId, limit: 100, after: before });
    expect(rows.map((event) => [event.action, event.actor])).toEqual([[action, signet.admin.keyPrefix]]);
    expect(JSON.stringify(rows)).not.toMatch(/signet_(adm|ci|rt)_\w{8}_\w/);
    expect(await signet.services.audit.verify(signet.orgId)).toMatchObject({ valid: true, checked: before + 1 });
  });

  it("says where each change came from, signed, and finds it by that", async () => {
    const from = (source: string) => ({ ...signet.admin, source });
    await signet.services.projects.create(from("192.0.2.1"), "one");
    await signet.services.projects.create(from("192.0.2.2"), "two");
    await signet.publish("dev", { n: 1 });
    const at = async (source: string) => {
      const { rows, total } = await signet.services.audit.list({ orgId: signet.orgId, limit: 100, source });
      return [total, ...rows.map(({ metadata }) => [metadata.name, metadata.source])];
    };
    expect(await at("192.0.2.2")).toEqual([1, ["two", "192.0.2.2"]]);
    expect(await at("192.0.2.9")).toEqual([0]);
    const { rows } = await signet.services.audit.list({ orgId: signet.orgId, limit: 1 });
    expect(rows[0]?.metadata).not.toHaveProperty("source");
    expect(await signet.services.audit.verify(signet.orgId)).toMatchObject({ valid: true });
  });

  const found = async (filter: object) => {
    const { rows, total } = await signet.services.audit.list({ orgId: signet.orgId, limit: 100, ...filter });
    expect(total).toBe(rows.length);
    return rows.map(({ id }) => id);
  };

  it("finds what a token did by its name, its id and each of its prefixes, before and after a rotation", async () => {
    const { tokens } = signet.services;
    const other = await tokens.createAdmin(signet.admin, { name: "night shift", expiresInDays: null });
    const before = await signet.services.authentication.authenticate(other.rawKey);
    await signet.services.projects.create(before, "one");
    const rotated = await tokens.rotate(signet.admin, other.token.id, 0);
    const after = await signet.services.authentication.authenticate(rotated.rawKey);
    await signet.services.projects.create(after, "two");
    const ids = await found({ actor: before.keyPrefix });
    expect(ids).toHaveLength(2);
    for (const actor of [after.keyPrefix, "night shift", String(other.token.id)]) {
      expect(await found({ actor })).toEqual(ids);
    }
    expect(await found({ actor: "night shift", action: "project.*", after: 0 })).toEqual([...ids].reverse());
    expect(await found({ actor: "day shift" })).toEqual([]);
  });

  it("finds events by project and environment, newest first, in pages", async () => {
    const { projects, environments } = signet.services;
    const other = await projects.create(signet.admin, "other");
    await signet.publish("dev", { n: 1 });
    await signet.promote("dev");
    await signet.publish("dev", { n: 2 });
    await environments.update(signet.admin, signet.path("dev"), { position: 5 });
    const { projectId } = signet;
    const { rows } = await signet.services.audit.list({ orgId: signet.orgId, limit: 100, projectId });
    expect(rows.map(({ action, metadata }) => [action, metadata.environment ?? metadata.name])).toEqual([
      ["environment.updated", "dev"],
      ["bundle.published", "dev"],
      ["bundle.promoted", "staging"],
      ["bundle.published", "dev"],
      ["organization.created", expect.anything()],
    ]);
    const all = rows.map(({ id }) => id);
    const inDev = await found({ projectId, environment: "dev" });
    expect(inDev).toEqual([all[0], all[1], all[3]]);
    expect(await found({ projectId, environment: "dev", action: "bundle.*" })).toEqual([all[1], all[3]]);
    expect(await found({ projectId, action: "bundle.published" })).toEqual([all[1], all[3]]);
    expect(await found({ projectId, actor: "first admin" })).toEqual(all.slice(0, 4));
    expect(await found({ projectId: other.project.id })).toHaveLength(1);
    expect(await found({ projectId, environment: "prod" })).toEqual([]);
    for (const limit of [1, 2, 3]) {
      const page = await signet.services.audit.list({ orgId: signet.orgId, limit, projectId });
      expect(page).toMatchObject({ total: 5, rows: rows.slice(0, limit).map(({ id }) => ({ id })) });
      const up = await signet.services.audit.list({ orgId: signet.orgId, limit, projectId, after: 0 });
      expect(up.rows.map(({ id }) => id)).toEqual([...all].reverse().slice(0, limit));
    }
  });

  it("signs who acted as it was then: a name and a kind outlive the token", async () => {
    const ci = await signet.ci();
    await signet.publish("dev", { n: 1 }, signet.change({ principal: ci }));
    await signet.services.projects.delete(signet.admin, signet.projectId);
    const { rows } = await signet.services.audit.list({ orgId: signet.orgId, limit: 1, action: "bundle.published" });
    const [event] = rows;
    const signed = { actor_id: ci.tokenId, actor_kind: "ci" };
    expect(event).toMatchObject({ actor: ci.keyPrefix, metadata: signed });
    expect(actorOfEvent(event!)).toMatchObject({ id: ci.tokenId, prefix: ci.keyPrefix, kind: "ci" });
    expect(actorOfEvent({ actor: "a", metadata: {} })).toBeNull();
  });

  it.each(CHANGES)("and the state of %s (%#) are kept together or not at all", async (_, change) => {
    await signet.publish("dev", { n: 1 });
    await signet.publish("dev", { n: 2 });
    const before = await signet.fingerprint();
    signet.moments.beforeAuditSignature = () => {
      throw new Error("no signature");
    };
    await expect(change(signet)).rejects.toThrow();
    expect(await signet.fingerprint()).toEqual(before);
  });

  it("has nothing of what changed nothing", async () => {
    const { token } = await signet.runtime("dev");
    await signet.services.tokens.revoke(signet.admin, token.id);
    const before = await signet.actions();
    await signet.services.tokens.revoke(signet.admin, token.id);
    await expect(signet.promote("prod")).rejects.toThrow();
    expect(await signet.actions()).toEqual(before);
  });

  it("keeps its chain under many writers at once, without a gap", async () => {
    const before = (await signet.actions()).length;
    await Promise.all(Array.from({ length: 20 }, (_, n) => signet.publish(n % 2 === 0 ? "dev" : "prod", { n })));
    const { rows } = await signet.services.audit.list({ orgId: signet.orgId, limit: 100, after: 0 });
    expect(rows.map(({ id }) => id)).toEqual(Array.from({ length: before + 20 }, (_, n) => n + 1));
    expect(await signet.services.audit.verify(signet.orgId)).toMatchObject({ valid: true, checked: before + 20 });
  });

  it("is a chain of its own for each organization", async () => {
    const foreigner = await signet.foreigner();
    await signet.publish("dev");
    await signet.services.projects.create(foreigner, "theirs");
    const { rows } = await signet.services.audit.list({ orgId: foreigner.orgId, limit: 100, after: 0 });
    expect(rows.map(({ id, action, prevSignature }) => [id, action, prevSignature === ""])).toEqual([
      [1, "organization.created", true],
      [2, "project.created", false],
    ]);
    await signet.tamper("update audit_events set actor = 'x' where org_id = ? and id = 1", foreigner.orgId);
    expect(await signet.services.audit.verify(signet.orgId)).toMatchObject({ valid: true });
    expect(await signet.services.audit.verify(foreigner.orgId)).toMatchObject({ valid: false, firstBroken: 1 });
  });

  it("of an organization without events holds, and has a head", async () => {
    const head = await signet.services.audit.head("none");
    expect(head).toMatchObject({ number: 0, hash: emptyHash() });
    const report = { valid: true, checked: 0, firstBroken: null, reason: null };
    expect(await signet.services.audit.verify("none", undefined, head)).toMatchObject(report);
  });

  it("does not go back in time with a clock that is set back a little, and does with one that was wrong", async () => {
    const record = async (seconds: number) => {
      signet.clock.advanceSeconds(seconds);
      await signet.publish("dev", { at: seconds });
      const { rows } = await signet.services.audit.list({ orgId: signet.orgId, limit: 1 });
      return rows[0]!.createdAt;
    };
    const [first, second, third] = [await record(0), await record(-600), await record(-7200)];
    expect(second).toBe(first);
    expect(third < first).toBe(true);
    expect(await signet.services.audit.verify(signet.orgId)).toMatchObject({ valid: true });
  });

  it("lets other work go on while a long chain is checked", async () => {
    await signet.store.write(async (tx) => {
      const entry = { action: "test.filled", resourceType: "test", resourceId: "1" };
      for (let n = 0; n < 1500; n += 1) await signet.services.audit.record(tx, signet.orgId, "system", entry);
    });
    let turns = 0;
    let done = false;
    const turn = () => {
      turns += 1;
      if (!done) setImmediate(turn);
    };
    setImmediate(turn);
    const report = await signet.services.audit.verify(signet.orgId);
    done = true;
    expect(report).toMatchObject({ valid: true, checked: 1501 });
    const part = (from: number, limit?: number) => signet.services.audit.verify(signet.orgId, limit, undefined, from);
    expect(await part(700, 600)).toMatchObject({ valid: true, checked: 600 });
    expect(await part(700)).toMatchObject({ valid: true, checked: 801 });
    expect(await part(0, 10)).toMatchObject({ valid: true, checked: 10 });
    expect(await part(1501, 10)).toMatchObject({ valid: true, checked: 0 });
    expect(await part(1502)).toMatchObject({ valid: false, firstBroken: 1502 });
    // At least once for each page of the chain: nobody else is served in between otherwise.
    expect(turns).toBeGreaterThanOrEqual(3);
  });
});

describe("a check of the audit", () => {
  const signet = useServices();
  const EVENTS = 8;

  async function filled(): Promise<readonly AuditEvent[]> {
    for (let n = 2; n <= EVENTS; n += 1) await signet.publish("dev", { n });
    return (await signet.services.audit.list({ orgId: signet.orgId, limit: 100, after: 0 })).rows;
  }

  /** In two steps, since two events never have one number. */
  const SWAP = `
    update audit_events set id = id + 100 where id in (4, 5);
    update audit_events set id = case id when 104 then 5 else 4 end where id > 100`;
  const RENUMBER = "delete from audit_events where id = 1; update audit_events set id = id - 1";
  const BUNDLE_KEY = `
    update audit_events set key_id = (select key_id from public_keys where purpose = 'bundles') where id = 4`;

  it.each([
    ["changed metadata", "update audit_events set metadata = '{}' where id = 4", 4],
    ["a changed actor", "update audit_events set actor = 'mallory' where id = 4", 4],
    ["a changed time", "update audit_events set created_at = '2020-01-01T00:00:00.000Z' where id = 4", 4],
    ["a changed signature", "update audit_events set signature = prev_signature where id = 4", 4],
    ["a signature that is no base64", "update audit_events set signature = '!' where id = 4", 4],
    ["a changed link", "update audit_events set prev_signature = signature where id = 4", 4],
    ["an unknown key", "update audit_events set key_id = '0000000000000000' where id = 4", 4],
    ["a key of another purpose", BUNDLE_KEY, 4],
    ["a removed middle", "delete from audit_events where id = 4", 4],
    ["a cut head", "delete from audit_events where id < 4", 1],
    ["a removed first event whose followers were numbered anew", RENUMBER, 1],
    ["a changed order", SWAP, 4],
  ])("finds %s", async (_, sql, firstBroken) => {
    await filled();
    await signet.tamper(sql);
    const report = await signet.services.audit.verify(signet.orgId);
    expect(report).toMatchObject({ valid: false, firstBroken });
    expect(report.reason).not.toBeNull();
    expect(report.checked).toBe(firstBroken - 1);
  });

  it("finds a cut tail only with a head that was kept", async () => {
    await filled();
    const { number, hash } = await signet.services.audit.head(signet.orgId);
    expect(number).toBe(EVENTS);
    await signet.tamper("delete from audit_events where id > 5");
    expect(await signet.services.audit.verify(signet.orgId)).toMatchObject({ valid: true, checked: 5 });
    const report = await signet.services.audit.verify(signet.orgId, undefined, { number, hash });
    expect(report).toMatchObject({ valid: false, firstBroken: 6, checked: 5 });
  });

  it("finds a tail that was written anew, and that all was removed, with a head that was kept", async () => {
    await filled();
    const kept = await signet.services.audit.head(signet.orgId);
    await signet.tamper(`delete from audit_events where id > ${EVENTS - 2}`);
    await signet.publish("dev", { n: "another story" });
    await signet.publish("dev", { n: "to the same length" });
    expect(await signet.services.audit.verify(signet.orgId)).toMatchObject({ valid: true });
    const report = await signet.services.audit.verify(signet.orgId, undefined, kept);
    expect(report).toMatchObject({ valid: false, firstBroken: EVENTS });
    await signet.tamper("delete from audit_events");
    const empty = await signet.services.audit.verify(signet.orgId, undefined, kept);
    expect(empty).toMatchObject({ valid: false, firstBroken: 1 });
  });

  it("takes a kept head that is older than the newest event", async () => {
    await filled();
    const kept = await signet.services.audit.head(signet.orgId);
    await signet.publish("dev");
    expect(await signet.services.audit.verify(signet.orgId, 2, kept)).toMatchObject({ valid: true, checked: 2 });
  });

  it.each([
    ["3 events when the third of them is wrong", EVENTS, 3, { valid: false, checked: 2, firstBroken: EVENTS }],
    ["3 events when one before is wrong", 2, 3, { valid: true, checked: 3 }],
    ["more than there are", EVENTS, 100, { valid: false, checked: EVENTS - 1 }],
  ])("with a limit looks at %s", async (_, wrong, limit, expected) => {
    await filled();
    await signet.tamper(`update audit_events set actor = 'x' where id = ${wrong}`);
    expect(await signet.services.audit.verify(signet.orgId, limit)).toMatchObject(expected);
  });

  it("with a limit finds that the event before the first one is missing", async () => {
    await filled();
    await signet.tamper(`delete from audit_events where id = ${EVENTS - 3}`);
    const report = await signet.services.audit.verify(signet.orgId, 3);
    expect(report).toMatchObject({ valid: false, reason: `event ${EVENTS - 3} is missing` });
  });
});

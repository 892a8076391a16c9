import { describe, expect, it } from "vitest";
import type { ActivationOptions } from "../../../src/service/bundles/bundles.js";
import { useServices } from "../fixture.js";

const OPTIONS: ActivationOptions = { hold: false, reason: null };

describe("a rollback", () => {
  const signet = useServices();
  const rollback = (to: number | null = null, options = OPTIONS, caller = signet.change()) =>
    signet.services.bundles.rollback(caller, signet.path("dev"), to, options);
  const publishMany = async (count: number) => {
    for (let n = 1; n <= count; n += 1) await signet.publish("dev", { n });
  };
  const newest = async () =>
    (await signet.services.bundles.deployments(signet.admin, signet.path("dev"), 1, 0)).rows[0];

  it("returns to the version that was active before, as a new sequence and no new version", async () => {
    await publishMany(3);
    expect(await rollback()).toMatchObject({ isActive: true, sequence: 4, bundle: { version: 2 } });
    expect(await newest()).toMatchObject({ kind: "rollback", version: 2, fromVersion: 3, sequence: 4 });
    expect(await signet.count("bundles")).toBe(3);
  });

  it("goes further back when it is repeated, and never to the version that it left", async () => {
    await publishMany(3);
    await rollback();
    expect(await rollback()).toMatchObject({ bundle: { version: 1 } });
    await expect(rollback()).rejects.toMatchObject({ code: "conflict", reason: "no_earlier_version" });
  });

  it("returns to what was active last, not to the next lower number", async () => {
    await publishMany(4);
    for (const version of [1, 3]) await signet.activate("dev", version);
    expect(await rollback()).toMatchObject({ bundle: { version: 1 } });
  });

  it("passes over versions that are deleted, however many activations there are", async () => {
    await publishMany(3);
    await signet.services.bundles.delete(signet.admin, signet.path("dev"), 2);
    for (let n = 0; n < 600; n += 1) await signet.activate("dev", 3);
    expect(await rollback()).toMatchObject({ bundle: { version: 1 } });
  });

  it.each([
    ["nothing was ever active", async () => {}, { code: "not_found", message: 'nothing is active in "dev"' }],
    ["there is one version only", () => publishMany(1), { code: "conflict", reason: "no_earlier_version" }],
    [
      "the earlier ones are deleted",
      async () => {
        await publishMany(2);
        await signet.services.bundles.delete(signet.admin, signet.path("dev"), 1);
      },
      { code: "conflict", reason: "no_earlier_version" },
    ],
  ])("is refused when %s, and nothing changes", async (_, prepare, error) => {
    await prepare();
    const before = await signet.fingerprint();
    await expect(rollback()).rejects.toMatchObject(error);
    expect(await signet.fingerprint()).toEqual(before);
  });

  it.each([
    ["was deleted", 1, ": it was deleted"],
    ["never was", 9, ""],
  ])("to a version that %s is refused", async (_, version, why) => {
    await publishMany(2);
    await signet.services.bundles.delete(signet.admin, signet.path("dev"), 1);
    const message = `version ${version} of "dev" not found${why}`;
    await expect(rollback(version)).rejects.toMatchObject({ code: "not_found", message });
  });

  it("to a version that is told goes there, forward too, which is an activation", async () => {
    await publishMany(3);
    await rollback(1);
    await rollback(3);
    expect(await newest()).toMatchObject({ kind: "activate", version: 3, fromVersion: 1 });
  });

  it("keeps who and why, sets a hold, and tells both", async () => {
    await publishMany(2);
    await rollback(null, { hold: true, reason: "incident 311" });
    const performedBy = { id: 1, name: "first admin", prefix: signet.admin.keyPrefix, kind: "admin" };
    expect(await newest()).toMatchObject({ reason: "incident 311", performedBy, actor: performedBy.prefix });
    expect((await signet.environment("dev")).hold).toMatchObject({ byName: "first admin", reason: "incident 311" });
    const { rows } = await signet.services.audit.list({ orgId: signet.orgId, limit: 1, action: "bundle.activated" });
    const actor = { actor_id: 1, actor_name: "first admin", actor_kind: "admin" };
    expect(rows[0]?.metadata).toMatchObject({ kind: "rollback", reason: "incident 311", hold: true, ...actor });
    const events = await signet.store.read.eventsToFanOut(1000);
    const { data } = JSON.parse(events.find(({ type }) => type === "bundle.activated")?.body ?? "{}") as {
      data: object;
    };
    expect(data).toMatchObject({ kind: "rollback", reason: "incident 311", performed_by: performedBy });
  });

  it("looks at If-Match, and at where the token may change", async () => {
    await publishMany(2);
    const late = rollback(null, OPTIONS, signet.change({ ifSequence: 1 }));
    await expect(late).rejects.toMatchObject({ code: "precondition_failed" });
    const principal = await signet.ci(["prod"]);
    const other = rollback(null, OPTIONS, signet.change({ principal }));
    await expect(other).rejects.toMatchObject({ code: "forbidden" });
  });

  it("answers a retry with the first result", async () => {
    await publishMany(3);
    const change = () => signet.change({ idempotencyKey: "k" });
    const first = await rollback(null, OPTIONS, change());
    expect(await rollback(null, OPTIONS, change())).toEqual(first);
    expect((await signet.environment("dev")).sequence).toBe(4);
    await expect(rollback(1, OPTIONS, change())).rejects.toMatchObject({ code: "invalid" });
  });

  it("that meets a publication rolls back what is active then", async () => {
    await publishMany(2);
    const [, state] = await Promise.all([signet.publish("dev", { n: 3 }), rollback()]);
    const [now] = [await newest()];
    expect(now?.sequence).toBe(4);
    // Whichever was first: never to a version that was not active before.
    expect([1, 2]).toContain(state.bundle.version);
  });
});

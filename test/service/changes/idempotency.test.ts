import { describe, expect, it } from "vitest";
import { DAY, publishInput, useServices } from "../fixture.js";

describe("an Idempotency-Key", () => {
  const signet = useServices();
  const keyed = (idempotencyKey = "key", principal = signet.admin) => signet.change({ idempotencyKey, principal });

  const operations = [
    ["publish", (key?: string) => signet.publish("dev", { n: 2 }, keyed(key))],
    ["promote", (key?: string) => signet.promote("dev", keyed(key))],
    ["activate", (key?: string) => signet.activate("dev", 1, keyed(key))],
  ] as const;

  it.each(operations)("makes a second %s answer the first result and change nothing", async (_, run) => {
    await signet.publish("dev", { n: 1 });
    const first = await run();
    const before = await signet.fingerprint();
    expect(await run()).toEqual(first);
    expect(await signet.fingerprint()).toEqual(before);
    expect(await run("another")).not.toEqual(first);
  });

  it("answers the first result after a restart, and after it is no longer true", async () => {
    const first = await signet.publish("dev", { n: 1 }, keyed());
    await signet.publish("dev", { n: 2 });
    await signet.reopen();
    expect(await signet.publish("dev", { n: 1 }, keyed())).toEqual(first);
    expect((await signet.environment("dev")).activeVersion).toBe(2);
  });

  it("is looked at before If-Match", async () => {
    const first = await signet.publish("dev", { n: 1 }, { ...keyed(), ifSequence: 0 });
    expect(await signet.publish("dev", { n: 1 }, { ...keyed(), ifSequence: 0 })).toEqual(first);
  });

  it.each([
    ["another document", () => signet.publish("dev", { n: 2 }, keyed())],
    ["another environment", () => signet.publish("prod", { n: 1 }, keyed())],
  ])("is refused for %s", async (_, run) => {
    await signet.publish("dev", { n: 1 }, keyed());
    const before = await signet.fingerprint();
    const fields = [{ loc: ["header", "idempotency-key"], type: "idempotency_key_reused" }];
    await expect(run()).rejects.toMatchObject({ code: "invalid", fields });
    expect(await signet.fingerprint()).toEqual(before);
  });

  it("is refused with conflict while the first one is in flight, and only then", async () => {
    const [first, second] = await Promise.allSettled([
      signet.publish("dev", { n: 1 }, keyed()),
      signet.publish("dev", { n: 1 }, keyed()),
    ]);
    expect(first.status).toBe("fulfilled");
    const reason = { code: "conflict", reason: "idempotency_key_in_flight", retryAfterSeconds: 1 };
    expect(second).toMatchObject({ status: "rejected", reason });
    expect(await signet.count("bundles")).toBe(1);
    expect((await signet.publish("dev", { n: 1 }, keyed())).bundle.version).toBe(1);
  });

  it("belongs to its token", async () => {
    const principal = await signet.ci();
    await signet.publish("dev", { n: 1 }, keyed());
    expect((await signet.publish("dev", { n: 2 }, keyed("key", principal))).bundle.version).toBe(2);
  });

  it("belongs to its operation", async () => {
    await signet.publish("dev", { n: 1 }, keyed());
    expect((await signet.activate("dev", 1, keyed())).sequence).toBe(2);
    expect((await signet.promote("dev", keyed())).bundle.environment).toBe("staging");
  });

  it.each([
    ["just before 24 hours is kept", DAY - 1, 1],
    ["after 24 hours is forgotten", DAY, 2],
  ])("%s", async (_, seconds, version) => {
    await signet.publish("dev", { n: 1 }, keyed());
    signet.clock.advanceSeconds(seconds);
    expect((await signet.publish("dev", { n: 1 }, keyed())).bundle.version).toBe(version);
  });

  it("leaves the database some time after 24 hours, not before", async () => {
    await signet.publish("dev", { n: 1 }, keyed());
    signet.clock.advanceSeconds(DAY - 1);
    await signet.services.idempotency.prune();
    expect(await signet.count("idempotent_answers")).toBe(1);
    signet.clock.advanceSeconds(2);
    await signet.services.idempotency.prune();
    expect(await signet.count("idempotent_answers")).toBe(0);
  });

  it("leaves the database in steps, however many they are", async () => {
    const { tokenId } = signet.admin;
    const createdAt = signet.clock.now().toISOString();
    await signet.store.write(async (tx) => {
      for (let n = 0; n < 1_234; n += 1) {
        const answer = {
          tokenId,
          operation: "publishBundle",
          key: `key ${n}`,
          requestHash: "h",
          answer: "{}",
          createdAt,
        };
        await tx.insertIdempotentAnswer(answer);
      }
    });
    signet.clock.advanceSeconds(DAY + 1);
    await signet.publish("dev", { n: 1 }, keyed("new"));
    const pruned = signet.services.idempotency.prune();
    // A transaction that comes meanwhile finds some of them gone and some not.
    const meanwhile = await signet.store.write(async (tx) => {
      let kept = 0;
      for (let n = 0; n < 1_234; n += 1) {
        if ((await tx.idempotentAnswer(tokenId, "publishBundle", `key ${n}`)) !== null) kept += 1;
      }
      return kept;
    });
    await pruned;
    expect([meanwhile > 0, meanwhile < 1_234, await signet.count("idempotent_answers")]).toEqual([true, true, 1]);
  });

  it("keeps no answer of a request that failed", async () => {
    await expect(signet.promote("dev", keyed())).rejects.toMatchObject({ code: "not_found" });
    expect(await signet.count("idempotent_answers")).toBe(0);
    await signet.publish("dev");
    expect((await signet.promote("dev", keyed())).bundle.version).toBe(1);
  });

  it("keeps no answer when the transaction fails after the change", async () => {
    signet.moments.beforeAuditSignature = () => {
      throw new Error("no signature");
    };
    await expect(signet.publish("dev", { n: 1 }, keyed())).rejects.toThrow();
    expect(await signet.count("idempotent_answers")).toBe(0);
    expect(await signet.count("bundles")).toBe(0);
  });

  it.each([
    ["empty", ""],
    ["256 characters", "k".repeat(256)],
    ["not ASCII", "schlüssel"],
    ["a control character", "a\tb"],
  ])("that is %s is refused", async (_, key) => {
    const before = await signet.fingerprint();
    const fields = [{ loc: ["header", "idempotency-key"], type: "value" }];
    await expect(signet.publish("dev", {}, keyed(key))).rejects.toMatchObject({ code: "invalid", fields });
    expect(await signet.fingerprint()).toEqual(before);
  });
});

describe("an Idempotency-Key on two nodes at once", () => {
  const signet = useServices(true);
  const keyed = () => signet.change({ idempotencyKey: "key" });
  /** Asks both nodes for the same; each looks for an answer before either has one. */
  const onBoth = <T>(ask: (services: typeof signet.services) => Promise<T>) =>
    Promise.all([signet.services, signet.compose(signet.store)].map(ask));

  it("makes both answer the same, and is done once", async () => {
    const [one, two] = await onBoth(({ publishing }) =>
      publishing.publish(keyed(), signet.path("dev"), publishInput({ policies: '{"n":1}' })),
    );
    expect(two).toEqual(one);
    expect(await signet.count("bundles")).toBe(1);
    expect(await signet.count("deployments")).toBe(1);
  });

  it("makes both answer the same when the second is refused because of the first", async () => {
    const [one, two] = await onBoth(({ publishing }) =>
      publishing.publish({ ...keyed(), ifSequence: 0 }, signet.path("dev"), publishInput({ policies: '{"n":1}' })),
    );
    expect(two).toEqual(one);
    expect(await signet.count("bundles")).toBe(1);
  });

  it("is refused by the second for another request", async () => {
    let n = 0;
    const done = onBoth(({ publishing }) =>
      publishing.publish(keyed(), signet.path("dev"), publishInput({ policies: `{"n":${(n += 1)}}` })),
    );
    await expect(done).rejects.toMatchObject({ code: "invalid", fields: [{ type: "idempotency_key_reused" }] });
    expect(await signet.count("bundles")).toBe(1);
  });
});

import { describe, expect, it } from "vitest";
import { goOnAfterLoss } from "../../../src/service/bundles/history-loss.js";
import { useServices } from "../fixture.js";

describe("going on after a loss", () => {
  const s = useServices();
  const goOn = () => {
    const { audit, clock } = s.services;
    return goOnAfterLoss({ store: s.store, clock, audit }, { message: "7 commits are missing" });
  };
  const environment = async (name: string) => (await s.store.read.environment(s.projectId, name))!;

  it("leaves a million sequences out in every environment, and makes active again what is active", async () => {
    await s.publish("dev", { a: 1 });
    await s.publish("dev", { a: 2 });
    await s.activate("dev", 1);
    await goOn();
    expect(await environment("dev")).toMatchObject({ sequence: 1_000_003, activeVersion: 1, lastVersion: 1_000_002 });
    expect(await environment("prod")).toMatchObject({ sequence: 999_999, activeVersion: null });
    await s.publish("prod", { a: 1 });
    expect((await environment("prod")).sequence).toBe(1_000_000);
  });

  it("says so in the audit, whose chain holds", async () => {
    await s.publish("dev", { a: 1 });
    await goOn();
    const { rows } = await s.services.audit.list({ orgId: s.orgId, limit: 2 });
    expect(rows.map(({ action, actor }) => [action, actor])).toStrictEqual([
      ["bundle.activated", "operator"],
      ["history.lost", "operator"],
    ]);
    expect(rows[1]?.metadata).toMatchObject({
      loss: "7 commits are missing",
      skipped_sequences: 1_000_000,
      skipped_versions: 1_000_000,
    });
    expect(await s.services.audit.verify(s.orgId)).toMatchObject({ valid: true });
  });

  it("gives no version again that may have been given", async () => {
    await s.publish("dev", { a: 1 });
    await goOn();
    const published = [await s.publish("dev", { a: 2 }), await s.publish("prod", { a: 1 })];
    expect(published.map(({ bundle }) => bundle.version)).toStrictEqual([1_000_002, 1_000_001]);
  });

  it("keeps the lists of activations whole on both sides of the gap", async () => {
    for (const a of [1, 2, 3]) await s.publish("dev", { a });
    await goOn();
    await s.publish("dev", { a: 4 });
    const { id } = await environment("dev");
    const page = async (offset: number) => {
      const { rows, total } = await s.store.read.deployments(id, { limit: 2, offset });
      return [total, ...rows.map(({ sequence }) => sequence)];
    };
    expect(await page(0)).toStrictEqual([5, 1_000_004, 1_000_003]);
    expect(await page(1)).toStrictEqual([5, 1_000_003, 3]);
    expect(await page(3)).toStrictEqual([5, 2, 1]);
  });

  it("ends where sequences end", async () => {
    await s.publish("dev", { a: 1 });
    const { id, sequence } = await environment("dev");
    await s.store.write((tx) => tx.skipNumbers(id, { sequences: 0xffff_ffff - sequence - 10, versions: 0 }));
    await goOn();
    expect((await environment("dev")).sequence).toBe(0xffff_ffff);
  });
});

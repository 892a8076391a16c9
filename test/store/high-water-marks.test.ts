import { describe, expect, it } from "vitest";
import { HighWaterMarks, isLost } from "../../src/store/high-water-marks.js";
import { insertTenancy, publish } from "./sample.js";
import { useStore } from "./temporary-store.js";

const at = (sequence: number, deploymentId: string | null = `d${sequence}`, version = sequence) => ({
  sequence,
  deploymentId,
  version,
});
const state = (sequence: number, activeDeploymentId: string | null = `d${sequence}`, lastVersion = sequence) => ({
  sequence,
  activeDeploymentId,
  lastVersion,
});

describe("high-water marks", () => {
  it.each([
    ["nothing is known", null, state(0, null), false],
    ["it is the same", at(5), state(5), false],
    ["it is newer", at(5), state(6), false],
    ["it is older", at(5), state(4, "d4", 5), true],
    ["the same sequence is another activation", at(5), state(5, "other"), true],
    ["a version is missing", at(5), state(5, "d5", 4), true],
    ["a higher sequence came after, with all versions", at(5), state(9, "other"), false],
  ])("tell of a loss: %s", (_, mark, read, lost) => {
    expect(isLost(mark, read)).toBe(lost);
  });

  it("keep the highest of each number, and forget the environment that was told of longest ago", () => {
    const marks = new HighWaterMarks(2);
    marks.record("a", at(5));
    marks.record("a", at(4, "old", 9));
    expect(marks.of("a")).toStrictEqual(at(5, "d5", 9));
    marks.record("b", at(1));
    marks.record("a", at(5));
    marks.record("c", at(1));
    expect(marks.environmentIds).toStrictEqual(["a", "c"]);
    marks.forget("c");
    expect(marks.of("c")).toBeNull();
  });

  describe("over a store", () => {
    const open = useStore();

    it("keep what is committed, and nothing of a work that failed", async () => {
      const { store } = open;
      const { dev } = await insertTenancy(store);
      const marks = new HighWaterMarks();
      const write: typeof store.write = (work) => marks.write((marked) => store.write(marked), work);
      const failed = write(async (tx) => {
        await publish(tx, dev.id);
        throw new Error("no");
      });
      await expect(failed).rejects.toThrow("no");
      expect(marks.of(dev.id)).toBeNull();
      await write((tx) => publish(tx, dev.id));
      expect(marks.of(dev.id)).toMatchObject({ sequence: 1, version: 1 });
    });

    it("undo a work that would give a number again, and repeat it after the loss was made good", async () => {
      const { store } = open;
      const { dev } = await insertTenancy(store);
      const marks = new HighWaterMarks();
      marks.record(dev.id, at(7));
      const write: typeof store.write = (work) => marks.write((marked) => store.write(marked), work);
      const refused = write((tx) => publish(tx, dev.id));
      await expect(refused).rejects.toMatchObject({ code: "unavailable", reason: "history_lost" });
      expect(await store.read.environmentById(dev.id)).toMatchObject({ sequence: 0, lastVersion: 0 });
      let repairs = 0;
      marks.repairBy(async (id) => {
        repairs += 1;
        await store.write((tx) => tx.skipNumbers(id, { sequences: 100, versions: 100 }));
      });
      // Also of a work that does not care about the error.
      await write(async (tx) => publish(tx, dev.id).catch(() => undefined));
      expect(repairs).toBe(1);
      expect(await store.read.environmentById(dev.id)).toMatchObject({ sequence: 101, lastVersion: 101 });
    });
  });
});

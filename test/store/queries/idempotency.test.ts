import { describe, expect, it } from "vitest";
import { aToken, insertTenancy, minutesLater } from "../sample.js";
import { useStore } from "../temporary-store.js";

describe("idempotent answers", () => {
  const db = useStore();

  async function anAnswer() {
    const { organization } = await insertTenancy(db);
    const { id } = await db.write((tx) => tx.insertToken(aToken(organization.id)));
    return { tokenId: id, operation: "publish", key: "k", requestHash: "h", answer: "{}", createdAt: minutesLater(0) };
  }

  it("keeps one by token, operation and key", async () => {
    const answer = await anAnswer();
    await db.write((tx) => tx.insertIdempotentAnswer(answer));
    expect(await db.read.idempotentAnswer(answer.tokenId, "publish", "k")).toStrictEqual(answer);
    expect(await db.read.idempotentAnswer(answer.tokenId + 1, "publish", "k")).toBeNull();
    expect(await db.read.idempotentAnswer(answer.tokenId, "promote", "k")).toBeNull();
    expect(await db.read.idempotentAnswer(answer.tokenId, "publish", "K")).toBeNull();
  });

  it("refuses a second one under the same key, with all that its transaction did", async () => {
    const answer = await anAnswer();
    await db.write((tx) => tx.insertIdempotentAnswer(answer));
    const second = db.write(async (tx) => {
      await tx.insertIdempotentAnswer({ ...answer, key: "another" });
      await tx.insertIdempotentAnswer({ ...answer, answer: "[]", createdAt: minutesLater(1) });
    });
    await expect(second).rejects.toMatchObject({ code: "conflict" });
    expect(await db.read.idempotentAnswer(answer.tokenId, "publish", "k")).toStrictEqual(answer);
    expect(await db.read.idempotentAnswer(answer.tokenId, "publish", "another")).toBeNull();
  });

  it("deletes what is older than an instant, and only that", async () => {
    const answer = await anAnswer();
    await db.write(async (tx) => {
      await tx.insertIdempotentAnswer({ ...answer, key: "old", createdAt: minutesLater(1) });
      await tx.insertIdempotentAnswer({ ...answer, key: "edge", createdAt: minutesLater(2) });
      expect(await tx.deleteIdempotentAnswers(minutesLater(2), 10)).toBe(1);
    });
    expect(await db.read.idempotentAnswer(answer.tokenId, "publish", "old")).toBeNull();
    expect(await db.read.idempotentAnswer(answer.tokenId, "publish", "edge")).not.toBeNull();
  });

  it("deletes the oldest first, and no more than it is told to", async () => {
    const answer = await anAnswer();
    await db.write(async (tx) => {
      for (const minutes of [3, 1, 4, 2]) {
        await tx.insertIdempotentAnswer({ ...answer, key: `k${minutes}`, createdAt: minutesLater(minutes) });
      }
    });
    const left = async () => {
      const answers = [1, 2, 3, 4].map((minutes) => db.read.idempotentAnswer(answer.tokenId, "publish", `k${minutes}`));
      return (await Promise.all(answers)).map((one) => one !== null);
    };
    const prune = () => db.write((tx) => tx.deleteIdempotentAnswers(minutesLater(4), 2));
    expect([await prune(), await left()]).toEqual([2, [false, false, true, true]]);
    expect([await prune(), await left()]).toEqual([1, [false, false, false, true]]);
    expect([await prune(), await left()]).toEqual([0, [false, false, false, true]]);
  });
});

import { setImmediate as nextTurn } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { scanStrictJson } from "../../../src/bundle/strict-json.js";
import { AppError } from "../../../src/core/error.js";
import { DEFAULT_DOCUMENTS, Documents } from "../../../src/service/documents/documents.js";
import { promoteContent, readPolicyContent } from "../../../src/service/documents/policy-content.js";

const OWNER = { orgId: "a", tokenId: 1 };
/** Above the size from which on another thread is used. */
const FILLER = "x".repeat(100_000);

describe("documents", () => {
  let documents: Documents;
  beforeEach(() => {
    documents = new Documents(DEFAULT_DOCUMENTS);
  });
  afterEach(() => documents[Symbol.asyncDispose]());

  it.each([
    ["small, here", "é"],
    ["large, in a thread", `é${FILLER}`],
  ])("come out the same wherever they are worked on: %s", async (_name, text) => {
    const policies = JSON.stringify({ b: [1, 2.5, null], a: { text } });
    const scopes = JSON.stringify({ "t:a:g:dev": { text } });
    const read = readPolicyContent(policies, scopes);
    expect(await documents.readPolicyContent(OWNER, policies, scopes)).toStrictEqual(read);
    expect(await documents.promoteContent(OWNER, read.content, "dev", "prod")).toStrictEqual(
      promoteContent(read.content, "dev", "prod"),
    );
    expect(await documents.countEvents(OWNER, JSON.stringify([text, {}, 1]))).toBe(3);
    expect(await documents.scan(OWNER, policies, { maxDepth: 5 })).toStrictEqual(
      scanStrictJson(policies, { maxDepth: 5 }),
    );
  });

  it.each([
    [
      "duplicate key",
      `{"a":"${FILLER}","b":1,"b":2}`,
      { code: "invalid", fields: [{ loc: ["body", "policies", "b"] }] },
    ],
    ["no JSON", `{"a":"${FILLER}"`, { code: "malformed" }],
    ["no object", `["${FILLER}"]`, { code: "invalid", fields: [{ type: "type" }] }],
  ])("a large one is refused as a small one is: %s", async (_name, policies, error) => {
    await expect(documents.readPolicyContent(OWNER, policies, null)).rejects.toMatchObject({
      name: "AppError",
      ...error,
    });
  });

  it("of more than may wait the last ones are told to come back, and the others are done", async () => {
    const policies = `{"a":"${FILLER}"}`;
    const results = await Promise.allSettled(
      Array.from({ length: 90 }, () => documents.readPolicyContent(OWNER, policies, null)),
    );
    const refused = results.filter(({ status }) => status === "rejected");
    expect(refused.length).toBeGreaterThanOrEqual(90 - 64 - 4);
    for (const result of refused) {
      expect(result).toMatchObject({ reason: { code: "unavailable", retryAfterSeconds: 1 } });
    }
    expect(await documents.readPolicyContent(OWNER, policies, null)).toStrictEqual(readPolicyContent(policies, null));
  });

  it("of one organization do not keep another's waiting, nor have it refused", async () => {
    const other = { orgId: "b", tokenId: 2 };
    const greedy = Array.from({ length: 90 }, (_, n) => documents.scan(OWNER, `"${n}${FILLER}"`, {}));
    const settled = Promise.allSettled(greedy);
    let isOver = false;
    void Promise.allSettled(greedy.slice(0, 40)).then(() => (isOver = true));
    for (let each = 0; each < 5; each += 1) await documents.scan(other, `"${each}${FILLER}"`, {});
    expect(isOver).toBe(false);
    await settled;
  });

  it("are compared in a thread, and refused when that is too much", async () => {
    const [from, to] = [JSON.stringify({ a: 1, FILLER }), JSON.stringify({ a: 2, FILLER })];
    expect(await documents.diff(OWNER, async () => [from, to])).toBe('[{"op":"replace","path":"/a","value":2}]');
    const of = (value: number) =>
      `{"${"k".repeat(5_000_000)}":{${Array.from({ length: 400 }, (_, n) => `"m${n}":${value}`).join(",")}}}`;
    const refusal = { code: "too_large", reason: "diff_too_large" };
    await expect(documents.diff(OWNER, async () => [of(1), of(2)])).rejects.toMatchObject(refusal);
  });

  it("are loaded for a comparison in turn: who waits holds none", async () => {
    const loaded: string[] = [];
    const waiting: (() => void)[] = [];
    const diffOf = (owner: { orgId: string; tokenId: number }) =>
      documents.diff(owner, async () => {
        loaded.push(owner.orgId);
        await new Promise<void>((resolve) => waiting.push(resolve));
        return ["{}", "{}"];
      });
    const diffs = [...Array.from({ length: 10 }, () => diffOf(OWNER)), diffOf({ orgId: "b", tokenId: 2 })];
    await nextTurn();
    expect(loaded).toEqual(["a", "a"]);
    for (let each = 0; each < diffs.length; each += 1) {
      waiting[each]?.();
      await nextTurn();
    }
    await Promise.all(diffs);
    // The first lease that was free was its.
    expect(loaded.indexOf("b")).toBe(2);
    expect(loaded).toHaveLength(11);
  });

  it("whose scope policies name an environment are found in a thread too", async () => {
    const scopes = JSON.stringify({ "t:a:g:dev": { FILLER } });
    expect(await documents.namesEnvironment(OWNER, scopes, "dev")).toBe(true);
    expect(await documents.namesEnvironment(OWNER, scopes, "prod")).toBe(false);
  });

  it("that did not come as a body are begun when the guard lets them", async () => {
    const begin = () => {
      throw new AppError("unavailable", "full");
    };
    await using guarded = new Documents({ ...DEFAULT_DOCUMENTS, guard: { begin } });
    const text = JSON.stringify({ FILLER });
    await expect(guarded.diff(OWNER, async () => [text, text])).rejects.toMatchObject({ message: "full" });
    await expect(guarded.scan(OWNER, text, {})).resolves.toBeDefined();
    expect(await guarded.diff(OWNER, async () => ["{}", "{}"])).toBe("[]");
  });

  it("what waits at the end is refused", async () => {
    const waiting = Promise.allSettled([1, 2, 3, 4, 5, 6].map((n) => documents.scan(OWNER, `"${n}${FILLER}"`, {})));
    await documents[Symbol.asyncDispose]();
    const results = await waiting;
    expect(results.at(-1)).toMatchObject({ status: "rejected", reason: { name: "AppError" } });
    await expect(documents.scan(OWNER, `"${FILLER}"`, {})).rejects.toMatchObject({ code: "unavailable" });
  });
});

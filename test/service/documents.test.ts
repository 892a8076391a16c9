import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { scanStrictJson } from "../../src/bundle/strict-json.js";
import { Documents } from "../../src/service/documents.js";
import { promoteContent, readPolicyContent } from "../../src/service/policy-content.js";

/** Above the size from which on another thread is used. */
const FILLER = "x".repeat(100_000);

describe("documents", () => {
  let documents: Documents;
  beforeEach(() => {
    documents = new Documents();
  });
  afterEach(() => documents[Symbol.asyncDispose]());

  it.each([
    ["small, here", "é"],
    ["large, in a thread", `é${FILLER}`],
  ])("come out the same wherever they are worked on: %s", async (_name, text) => {
    const policies = JSON.stringify({ b: [1, 2.5, null], a: { text } });
    const scopes = JSON.stringify({ "t:a:g:dev": { text } });
    const read = readPolicyContent(policies, scopes);
    expect(await documents.readPolicyContent(policies, scopes)).toStrictEqual(read);
    expect(await documents.promoteContent(read.content, "dev", "prod")).toStrictEqual(
      promoteContent(read.content, "dev", "prod"),
    );
    expect(await documents.scan(policies, { maxDepth: 5 })).toStrictEqual(scanStrictJson(policies, { maxDepth: 5 }));
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
    await expect(documents.readPolicyContent(policies, null)).rejects.toMatchObject({ name: "AppError", ...error });
  });

  it("of more than may wait the last ones are told to come back, and the others are done", async () => {
    const policies = `{"a":"${FILLER}"}`;
    const results = await Promise.allSettled(
      Array.from({ length: 50 }, () => documents.readPolicyContent(policies, null)),
    );
    const refused = results.filter(({ status }) => status === "rejected");
    expect(refused.length).toBeGreaterThanOrEqual(50 - 32 - 4);
    for (const result of refused) {
      expect(result).toMatchObject({ reason: { code: "unavailable", retryAfterSeconds: 1 } });
    }
    expect(await documents.readPolicyContent(policies, null)).toStrictEqual(readPolicyContent(policies, null));
  });

  it("what waits at the end is refused", async () => {
    const waiting = Promise.allSettled([1, 2, 3, 4, 5, 6].map((n) => documents.scan(`"${n}${FILLER}"`, {})));
    await documents[Symbol.asyncDispose]();
    const results = await waiting;
    expect(results.at(-1)).toMatchObject({ status: "rejected", reason: { name: "AppError" } });
    await expect(documents.scan(`"${FILLER}"`, {})).rejects.toMatchObject({ code: "unavailable" });
  });
});

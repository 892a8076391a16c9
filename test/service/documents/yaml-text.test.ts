import { afterAll, describe, expect, it } from "vitest";
import { MAX_YAML_LENGTH } from "../../../src/service/documents/document-tasks.js";
import { DEFAULT_DOCUMENTS, Documents } from "../../../src/service/documents/documents.js";

const OWNER = { orgId: "a", tokenId: 1 };

describe("YAML beside the event loop", () => {
  const documents = new Documents(DEFAULT_DOCUMENTS);
  const read = (text: string, owner = OWNER) => documents.yamlToJson(owner, "policies", text);
  afterAll(() => documents[Symbol.asyncDispose]());

  it("is JSON, or says where it is not", async () => {
    expect(await read("a: 1.50\nb: ['yes', ~]\n")).toBe('{"a":1.50,"b":["yes",null]}');
    await expect(read("a: 1\nb: *a\n")).rejects.toMatchObject({
      code: "invalid",
      fields: [{ loc: ["body", "policies"], type: "yaml", msg: expect.stringContaining("line 2, column 4") }],
    });
    // One that was refused does not hold up the next.
    expect(await read("a: 1")).toBe('{"a":1}');
  });

  it("reads a text of many keys while timers go on", async () => {
    const text = Array.from({ length: 14_000 }, (_, index) => `key${index}: ${index}\n`).join("");
    let turns = 0;
    const timer = setInterval(() => (turns += 1), 1);
    const json = await read(text);
    clearInterval(timer);
    expect(Object.keys(JSON.parse(json) as object)).toHaveLength(14_000);
    expect(turns).toBeGreaterThan(10);
  });

  it("refuses a text that is too long before it looks at it", async () => {
    const text = "#".repeat(MAX_YAML_LENGTH + 1);
    await expect(read(text)).rejects.toMatchObject({ fields: [{ type: "too_long" }] });
  });

  it.each([
    ["]", "]".repeat(MAX_YAML_LENGTH)],
    ["keys", "k:\n".repeat(MAX_YAML_LENGTH / 3)],
    ["escaped line breaks", `a: "${"\\\n".repeat(MAX_YAML_LENGTH / 2 - 3)}"`],
    ["items", `[${"a,".repeat(MAX_YAML_LENGTH / 2 - 1)}]`],
    ["aliases", `[${"*a,".repeat(MAX_YAML_LENGTH / 3 - 1)}]`],
  ])("refuses a text of too many tokens before it parses it: %s", async (_name, text) => {
    await expect(read(text)).rejects.toMatchObject({
      code: "invalid",
      fields: [{ type: "yaml", msg: expect.stringContaining("more than 100000 words and marks: send JSON") as string }],
    });
  });

  it("takes turns by organization: a flood of one refuses nobody else's, and only its own", async () => {
    const flood = Array.from({ length: 60 }, (_, n) => read(`a: ${n}`));
    const settled = Promise.allSettled(flood);
    const other = { orgId: "b", tokenId: 2 };
    expect(await read("b: 1", other)).toBe('{"b":1}');
    expect(await read("b: 2", other)).toBe('{"b":2}');
    const refused = (await settled).filter((result) => result.status === "rejected");
    // One is read and 32 wait.
    expect(refused.length).toBeGreaterThanOrEqual(60 - 33);
    expect(refused[0]?.reason).toMatchObject({
      code: "unavailable",
      reason: "too_many_documents",
      retryAfterSeconds: 1,
    });
    expect(await read("a: 1")).toBe('{"a":1}');
  });
});

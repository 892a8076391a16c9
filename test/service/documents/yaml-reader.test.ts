import { describe, expect, it } from "vitest";
import { MAX_YAML_LENGTH, YamlReader } from "../../../src/service/documents/yaml-reader.js";

const OWNER = { orgId: "a", tokenId: 1 };
const reader = (options = {}) => new YamlReader({ timeoutMs: 60_000, maxWaiting: 4, ...options });

describe("YAML beside the event loop", () => {
  it("is JSON, or says where it is not", async () => {
    const yaml = reader();
    expect(await yaml.toJson(OWNER, "policies", "a: 1.50\nb: ['yes', ~]\n")).toBe('{"a":1.50,"b":["yes",null]}');
    await expect(yaml.toJson(OWNER, "policies", "a: 1\nb: *a\n")).rejects.toMatchObject({
      code: "invalid",
      fields: [{ loc: ["body", "policies"], type: "yaml", msg: expect.stringContaining("line 2, column 4") }],
    });
    // One that was refused does not hold up the next.
    expect(await yaml.toJson(OWNER, "policies", "a: 1")).toBe('{"a":1}');
  });

  it("reads a text of many keys while timers go on", async () => {
    const text = Array.from({ length: 14_000 }, (_, index) => `key${index}: ${index}\n`).join("");
    let turns = 0;
    const timer = setInterval(() => (turns += 1), 1);
    const json = await reader().toJson(OWNER, "policies", text);
    clearInterval(timer);
    expect(Object.keys(JSON.parse(json) as object)).toHaveLength(14_000);
    expect(turns).toBeGreaterThan(10);
  });

  it("refuses a text that is too long before it looks at it", async () => {
    const text = "#".repeat(MAX_YAML_LENGTH + 1);
    await expect(reader().toJson(OWNER, "policies", text)).rejects.toMatchObject({ fields: [{ type: "too_long" }] });
  });

  it.each([
    ["]", "]".repeat(MAX_YAML_LENGTH)],
    ["keys", "k:\n".repeat(MAX_YAML_LENGTH / 3)],
    ["escaped line breaks", `a: "${"\\\n".repeat(MAX_YAML_LENGTH / 2 - 3)}"`],
    ["items", `[${"a,".repeat(MAX_YAML_LENGTH / 2 - 1)}]`],
    ["aliases", `[${"*a,".repeat(MAX_YAML_LENGTH / 3 - 1)}]`],
  ])("refuses a text of too many tokens before it parses it: %s", async (_name, text) => {
    await expect(reader().toJson(OWNER, "policies", text)).rejects.toMatchObject({
      code: "invalid",
      fields: [{ type: "yaml", msg: expect.stringContaining("more than 100000 words and marks: send JSON") as string }],
    });
  });

  it("takes turns by organization: a flood of one refuses nobody else's", async () => {
    const yaml = reader({ maxWaiting: 4 });
    const flood = Array.from({ length: 12 }, () => yaml.toJson(OWNER, "policies", "a: 1"));
    const settled = Promise.allSettled(flood);
    const other = { orgId: "b", tokenId: 2 };
    expect(await yaml.toJson(other, "policies", "b: 1")).toBe('{"b":1}');
    expect(await yaml.toJson(other, "policies", "b: 2")).toBe('{"b":2}');
    const refused = (await settled).filter(({ status }) => status === "rejected");
    expect(refused.length).toBeGreaterThanOrEqual(7);
  });

  it("ends a text that takes too long, and goes on with the next", async () => {
    const yaml = reader({ timeoutMs: 1 });
    const slow = yaml.toJson(OWNER, "policies", "]".repeat(90_000));
    await expect(slow).rejects.toMatchObject({ code: "invalid", fields: [{ type: "too_complex" }] });
  });

  it("lets only so many wait", async () => {
    const yaml = reader({ maxWaiting: 1 });
    const first = [yaml.toJson(OWNER, "policies", "a: 1"), yaml.toJson(OWNER, "policies", "a: 2")];
    await expect(yaml.toJson(OWNER, "policies", "a: 3")).rejects.toMatchObject({
      code: "unavailable",
      retryAfterSeconds: 1,
    });
    expect(await Promise.all(first)).toEqual(['{"a":1}', '{"a":2}']);
    expect(await yaml.toJson(OWNER, "policies", "a: 3")).toBe('{"a":3}');
  });
});

import { describe, expect, it } from "vitest";
import { DisposalStack } from "../../src/server/disposal-stack.js";

describe("DisposalStack", () => {
  it("closes in reverse, once, also after a step that fails, and rejects with the first error", async () => {
    const stack = new DisposalStack();
    const closed: string[] = [];
    const step = (name: string, error?: Error) => async () => {
      closed.push(name);
      if (error !== undefined) throw error;
    };
    stack.defer(step("directory", new Error("directory")));
    expect(stack.use(null)).toBeNull();
    stack.use({ [Symbol.asyncDispose]: step("jobs", new Error("jobs")) });
    stack.defer(step("port"));
    await expect(stack[Symbol.asyncDispose]()).rejects.toThrow("jobs");
    await stack[Symbol.asyncDispose]();
    expect(closed).toEqual(["port", "jobs", "directory"]);
  });
});

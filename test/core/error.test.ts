import { describe, expect, it } from "vitest";
import { invalidField } from "../../src/core/error.js";

describe("the message of an invalid field", () => {
  it.each([
    [["name"], "name: is required"],
    [["a", "0", "b"], "a.0.b: is required"],
    [[], "is required"],
  ])("at %j is %j", (path, message) => {
    expect(invalidField(path, "is required", "missing").message).toBe(message);
  });
});

import { describe, expect, it } from "vitest";
import { parseSignedObject } from "../../../src/bundle/envelope/signed-json.js";
import { timeOf } from "../../../src/bundle/trust/trust-time.js";

const read = (time: string) => timeOf(parseSignedObject(Buffer.from(JSON.stringify({ at: time })), "lease"), "at");

describe("a time of a payload", () => {
  it.each(["0001-01-01T00:00:00Z", "2024-02-29T12:00:00Z", "9999-12-31T23:59:59Z"])("is %s", (time) => {
    expect(read(time)).toBe(time);
  });

  it.each(["0000-01-01T00:00:00Z", "2026-02-30T12:00:00Z", "2026-03-01T24:00:00Z", "2026-03-01T12:00:60Z"])(
    "is never %s",
    (time) => {
      expect(() => read(time)).toThrow();
    },
  );
});

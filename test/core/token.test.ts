import { describe, expect, it } from "vitest";
import { addSeconds, instantOf } from "../../src/core/clock.js";
import { isLive, SCOPES } from "../../src/core/token.js";

const NOW = "2026-05-01T12:00:00.000Z";

describe("isLive", () => {
  it.each([
    ["a token without an end", null, null, true],
    ["one that ends a millisecond later", "2026-05-01T12:00:00.001Z", null, true],
    ["one that ends now", NOW, null, false],
    ["one that ended", "2026-05-01T11:59:59.999Z", null, false],
    ["one that was revoked", null, "2026-05-01T11:00:00.000Z", false],
    ["one that is revoked later", null, "2026-05-01T13:00:00.000Z", false],
    ["one that was revoked before its end", "2026-06-01T12:00:00.000Z", NOW, false],
  ])("of %s", (_, expiresAt, revokedAt, live) => {
    expect(isLive({ expiresAt, revokedAt }, NOW)).toBe(live);
  });
});

describe("an instant", () => {
  it("is UTC to the millisecond, and sorts as text across the end of a year", () => {
    expect(instantOf(new Date(0))).toBe("1970-01-01T00:00:00.000Z");
    expect(addSeconds("2026-12-31T23:59:59.500Z", 1)).toBe("2027-01-01T00:00:00.500Z");
    expect(addSeconds(NOW, -0.001) < NOW).toBe(true);
  });
});

describe("the scopes", () => {
  it("of a runtime hold nothing that changes or administers", () => {
    expect(SCOPES.runtime).toEqual(["read", "runtime"]);
    expect(SCOPES.ci).not.toContain("org:admin");
    expect(SCOPES.admin).not.toContain("runtime");
  });
});

import { describe, expect, it } from "vitest";
import { EVENT_TYPES } from "../../src/core/webhook.js";
import { matchesEvent, validateEventPatterns } from "../../src/outbound/event-types.js";

describe("matchesEvent", () => {
  it.each([
    [["*"], EVENT_TYPES],
    [[], []],
    [["bundle.published"], ["bundle.published"]],
    [
      ["bundle.*"],
      ["bundle.published", "bundle.activated", "bundle.promoted", "bundle.imported", "bundle.deleted", "bundle.pruned"],
    ],
    [["environment.*"], ["environment.held", "environment.released", "environment.history_lost"]],
    [
      ["token.*", "bundle.deleted"],
      ["bundle.deleted", "token.created", "token.revoked", "token.expiring"],
    ],
  ])("%j matches only %j", (patterns, expected) => {
    expect(EVENT_TYPES.filter((type) => matchesEvent(patterns, type))).toEqual(expected);
  });
});

describe("validateEventPatterns", () => {
  it("accepts every event type, every group, and all", () => {
    expect(() => validateEventPatterns([...EVENT_TYPES, "bundle.*", "token.*", "webhook.*", "*"])).not.toThrow();
  });

  it.each([
    [[], "must not be empty"],
    [Array.from({ length: 51 }, () => "*"), "must be at most 50"],
    [["bundle.published", "bundle.exploded"], '"bundle.exploded" is not an event type'],
    [["bundle"], '"bundle" is not'],
    [["bundle."], '"bundle." is not'],
    [["*.published"], '"*.published" is not'],
    [["Bundle.published"], '"Bundle.published" is not'],
    [[""], '"" is not'],
    [["**"], '"**" is not'],
  ])("refuses %j", (patterns, message) => {
    expect(() => validateEventPatterns(patterns)).toThrow(message);
  });
});

import { timestampDate } from "@bufbuild/protobuf/wkt";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseTimestamp } from "../../../src/api/rest/text-value.js";

describe("parseTimestamp", () => {
  it.each([
    ["1970-01-01T00:00:00Z", 0n, 0],
    ["1969-12-31T23:59:59.25Z", -1n, 250_000_000],
    ["2026-01-02T03:04:05.123456789Z", 1767323045n, 123_456_789],
    ["2026-01-02T03:04:05+00:00", 1767323045n, 0],
    ["2026-01-02T02:04:05-01:00", 1767323045n, 0],
    ["2026-01-02T08:34:05+05:30", 1767323045n, 0],
    ["2024-02-29T00:00:00Z", 1709164800n, 0],
    ["0001-01-01T00:00:00Z", -62135596800n, 0],
    ["9999-12-31T23:59:59.999999999Z", 253402300799n, 999_999_999],
  ])("%s", (text, seconds, nanos) => {
    expect(parseTimestamp(text)).toMatchObject({ seconds, nanos });
  });

  it.each([
    "",
    "2026-01-02",
    "2026-01-02T03:04:05",
    "2026-01-02 03:04:05Z",
    "2026-01-02t03:04:05z",
    "2026-1-2T03:04:05Z",
    "2026-02-29T00:00:00Z",
    "2026-13-01T00:00:00Z",
    "2026-01-00T00:00:00Z",
    "2026-01-02T24:00:00Z",
    "2026-01-02T23:59:60Z",
    "2026-01-02T03:04:05.Z",
    "2026-01-02T03:04:05.1234567890Z",
    "2026-01-02T03:04:05+24:00",
    "2026-01-02T03:04:05+01",
    "0000-12-31T23:59:59Z",
    "0001-01-01T00:00:00+00:01",
    "9999-12-31T23:59:59-00:01",
    "+002026-01-02T03:04:05Z",
    " 2026-01-02T03:04:05Z",
  ])("%j is none", (text) => {
    expect(parseTimestamp(text)).toBeUndefined();
  });

  it("reads what Date writes", () => {
    fc.assert(
      fc.property(
        fc.date({ min: new Date("0001-01-01T00:00:00Z"), max: new Date("9999-12-31T23:59:59Z"), noInvalidDate: true }),
        (date) => {
          const parsed = parseTimestamp(date.toISOString());
          expect(parsed && timestampDate(parsed)).toEqual(date);
        },
      ),
    );
  });
});

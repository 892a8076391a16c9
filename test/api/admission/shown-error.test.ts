import { describe, expect, it } from "vitest";
import { setTrailerStatus } from "@connectrpc/connect/protocol-grpc";
import { toConnectError } from "../../../src/api/admission/error-status.js";
import { errorAnswer } from "../../../src/api/http/error-body.js";
import { AppError, invalidFields } from "../../../src/core/error.js";

const fields = (count: number, key: string) =>
  Array.from({ length: count }, (_, index) => ({
    loc: ["body", "x", `${key}${index}`],
    msg: "is wrong",
    type: "wrong",
  }));

const errors: [what: string, error: AppError][] = [
  ["a million fields", invalidFields(fields(1_000_000, "k"))],
  ["fields with long keys", invalidFields(fields(100, "k".repeat(100_000)))],
  ["fields with long keys of four bytes each", invalidFields(fields(100, "😀".repeat(5_000)))],
  ["keys that JSON escapes", invalidFields(fields(100, "\u0001".repeat(5_000)))],
  [
    "a field of 64 long keys",
    invalidFields([{ loc: Array<string>(64).fill("\u0001".repeat(300)), msg: "m", type: "t" }]),
  ],
  ["a long message", new AppError("invalid", "ü".repeat(1_000_000))],
  ["a long message with a lone surrogate", new AppError("malformed", "\ud800".repeat(3_000))],
];

describe("the answer is bounded for an error with", () => {
  it.each(errors)("%s, in REST", (_what, error) => {
    const { body } = errorAnswer(error, "request");
    expect(Buffer.byteLength(body)).toBeLessThan(64 * 1024);
    expect(JSON.parse(body)).toMatchObject({ requestId: "request" });
  });

  it.each(errors)("%s, in the trailers of gRPC", (_what, error) => {
    const trailers = setTrailerStatus(new Headers(), toConnectError(error, "request"));
    const bytes = [...trailers].reduce((sum, [name, value]) => sum + name.length + value.length + 32, 0);
    expect(bytes).toBeLessThan(8 * 1024);
    expect(trailers.get("grpc-status")).toBe("3");
  });
});

it("tells the first hundred fields where there is room for them", () => {
  const body = JSON.parse(errorAnswer(invalidFields(fields(1_000, "k")), "request").body) as { detail: unknown[] };
  expect(body.detail).toHaveLength(100);
  expect(body.detail[0]).toEqual({ loc: ["body", "x", "k0"], msg: "is wrong", type: "wrong" });
});

import { describe, expect, it } from "vitest";
import { WIRE_CODES } from "../../../src/api/admission/error-status.js";
import { errorAnswer, methodNotAllowed } from "../../../src/api/http/error-body.js";
import { AppError, invalidField, notFound, type AppErrorCode } from "../../../src/core/error.js";

const bodyOf = (error: AppError) => JSON.parse(errorAnswer(error, "req-1").body) as Record<string, unknown>;

describe("errorAnswer", () => {
  it.each(Object.keys(WIRE_CODES) as AppErrorCode[])("%s has all that clients of three systems look for", (code) => {
    const { httpStatus, phrase } = WIRE_CODES[code];
    const answer = errorAnswer(new AppError(code, "m", { cause: new Error("secret") }), "req-1");
    expect(answer.status).toBe(httpStatus);
    expect(JSON.parse(answer.body)).toEqual({
      ...{ detail: "m", error: phrase, message: "m", code: httpStatus, status: httpStatus, requestId: "req-1" },
    });
    expect(answer.body).not.toContain("secret");
    expect(answer.headers["www-authenticate"]).toBe(code === "unauthenticated" ? "Bearer" : undefined);
  });

  it("detail has the reason, or the fields", () => {
    const conflict = new AppError("conflict", "m", { reason: "runtime_key_exists" });
    expect(bodyOf(conflict)).toMatchObject({ detail: { error: "runtime_key_exists", message: "m" }, message: "m" });
    expect(bodyOf(invalidField(["labels", "x"], "too long", "length"))).toMatchObject({
      detail: [{ loc: ["body", "labels", "x"], msg: "too long", type: "length" }],
      message: "labels.x: too long",
    });
    expect(bodyOf(notFound("bundle"))).toMatchObject({ detail: "bundle not found" });
  });

  it("says when to come back", () => {
    expect(errorAnswer(new AppError("rate_limited", "m", { retryAfterSeconds: 7 }), "r").headers).toEqual({
      "retry-after": "7",
    });
    expect(errorAnswer(new AppError("rate_limited", "m"), "r").headers).toEqual({});
  });

  it("405 says what is allowed", () => {
    const answer = methodNotAllowed("PUT", ["GET", "HEAD"], "r");
    expect([answer.status, answer.headers["allow"]]).toEqual([405, "GET, HEAD"]);
    expect(JSON.parse(answer.body)).toMatchObject({
      error: "Method Not Allowed",
      code: 405,
      status: 405,
      requestId: "r",
    });
  });
});

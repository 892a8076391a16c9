import { Code, ConnectError } from "@connectrpc/connect";
import { describe, expect, it } from "vitest";
import { toConnectError, WIRE_CODES } from "../../src/api/admission/error-status.js";
import { AppError, type AppErrorCode } from "../../src/core/error.js";
import { HTTP_STATUS, SignetError, toSignetError } from "../../src/sdk/signet-error.js";

const tlsFailure = Object.assign(new Error("wrong version number"), { code: "ERR_SSL_WRONG_VERSION_NUMBER" });

describe("toSignetError", () => {
  it.each(Object.keys(WIRE_CODES) as AppErrorCode[])("reads the server's %s back", (code) => {
    const error = toSignetError(toConnectError(new AppError(code, "what was wrong"), "request-1"));
    expect(error).toMatchObject({ code, reason: code, requestId: "request-1", message: "what was wrong" });
    expect(error.httpStatus).toBe(WIRE_CODES[code].httpStatus);
  });

  it("keeps fields, a finer reason, and when to come back", () => {
    const fields = [{ loc: ["body", "policies", "a"], msg: "duplicate key", type: "duplicate_key" }];
    expect(toSignetError(toConnectError(new AppError("invalid", "m", { fields }), "r")).fields).toEqual(fields);
    const conflict = new AppError("conflict", "m", { reason: "runtime_key_exists" });
    expect(toSignetError(toConnectError(conflict, "r"))).toMatchObject({
      code: "conflict",
      reason: "runtime_key_exists",
      httpStatus: 409,
    });
    const limited = new AppError("rate_limited", "m", { retryAfterSeconds: 12 });
    expect(toSignetError(toConnectError(limited, "r")).retryAfterSeconds).toBe(12);
  });

  it.each([
    [new ConnectError("m", Code.DeadlineExceeded), "timeout"],
    [new ConnectError("m", Code.Unavailable), "unavailable"],
    [new ConnectError("m", Code.Aborted), "unavailable"],
    [new ConnectError("HTTP 404", Code.Unimplemented), "unimplemented"],
    [new ConnectError("m", Code.Internal), "internal"],
    [new ConnectError("m", Code.Internal, undefined, undefined, tlsFailure), "unavailable"],
    [new Error("anything"), "internal"],
    ["a text", "internal"],
  ] as const)("names what no server of ours said: %s", (thrown, code) => {
    const error = toSignetError(thrown);
    expect(error).toMatchObject({ code, httpStatus: HTTP_STATUS[code], requestId: undefined, fields: [] });
    expect(error.cause).toBe(thrown);
  });

  it("lets a SignetError through", () => {
    const error = new SignetError("timeout", "m");
    expect(toSignetError(error)).toBe(error);
  });
});

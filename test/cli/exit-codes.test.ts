import { describe, expect, it } from "vitest";
import { CheckFailedError, InputError, UsageError } from "../../src/cli/shell/cli-error.js";
import { exitCodeOf } from "../../src/cli/shell/exit-codes.js";
import { formatError } from "../../src/cli/shell/error-report.js";
import { AppError } from "../../src/core/error.js";
import { SignetError, VerificationError, type SignetErrorCode } from "../../src/sdk/index.js";

const TABLE: Readonly<Record<SignetErrorCode, number>> = {
  internal: 1,
  data_loss: 8,
  signing_failed: 1,
  unimplemented: 7,
  unauthenticated: 3,
  forbidden: 3,
  not_found: 4,
  no_target: 5,
  conflict: 5,
  precondition_failed: 5,
  malformed: 6,
  invalid: 6,
  too_large: 6,
  unsupported_media_type: 6,
  quota_exceeded: 6,
  rate_limited: 7,
  unavailable: 7,
  cancelled: 7,
  timeout: 7,
};

describe("exit codes", () => {
  it.each(Object.entries(TABLE) as [SignetErrorCode, number][])("%s is %i", (code, exitCode) => {
    expect(exitCodeOf(new SignetError(code, "m"))).toBe(exitCode);
    if (code !== "timeout" && code !== "unimplemented") expect(exitCodeOf(new AppError(code, "m"))).toBe(exitCode);
  });

  it.each([
    [new UsageError("m"), 2],
    [new InputError("m"), 6],
    [new VerificationError("hash", "m"), 8],
    [new CheckFailedError("signature", "m"), 8],
    [new Error("m"), 1],
    ["m", 1],
  ])("%s is %i", (thrown, exitCode) => {
    expect(exitCodeOf(thrown)).toBe(exitCode);
  });
});

describe("formatError", () => {
  const fields = [{ loc: ["body", "policies", "a"], msg: "duplicate key", type: "duplicate_key" }];
  const error = new SignetError("invalid", "policies.a: duplicate key", { fields, requestId: "r-1" });

  it("tells a person message, fields and request id", () => {
    expect(formatError(error, false)).toBe(
      "signet: policies.a: duplicate key\n  body.policies.a: duplicate key (duplicate_key)\n  request id: r-1\n",
    );
  });

  it("tells a program one JSON object in one line", () => {
    const text = formatError(error, true);
    expect(text.match(/\n/g)).toHaveLength(1);
    expect(JSON.parse(text)).toEqual({
      error: "invalid",
      message: "policies.a: duplicate key",
      fields,
      request_id: "r-1",
      exit_code: 6,
    });
  });

  it("lets no escape sequence through to a terminal", () => {
    expect(formatError(new SignetError("not_found", "no \u001b[31mred\u009b1m\u202e"), false)).toBe(
      "signet: no \\u001b[31mred\\u009b1m\\u202e\n",
    );
  });

  it("has the stack of a defect, and only the message of what the system refused", () => {
    expect(formatError(new TypeError("a defect"), false)).toMatch(/^signet: unexpected: TypeError: a defect\n {4}at /);
    const refused = Object.assign(new Error("listen EADDRINUSE"), { syscall: "listen" });
    expect(formatError(refused, false)).toBe("signet: listen EADDRINUSE\n");
  });
});

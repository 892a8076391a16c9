import { MethodOptions_IdempotencyLevel } from "@bufbuild/protobuf/wkt";
import { describe, expect, test } from "vitest";
import { BundleService } from "../../../gen/signet/v1/bundle_pb.js";
import { checkQuery } from "../../../src/api/rpc/strict-body.js";
import { allowedMethods, wireFormOf } from "../../../src/api/http/wire-form.js";

// No method of signet.v1 says NO_SIDE_EFFECTS yet. One that does must not get past the strict reader.
const { listKeys } = BundleService.method;
const readOnly = { ...listKeys, idempotency: MethodOptions_IdempotencyLevel.NO_SIDE_EFFECTS };

describe("Connect's GET", () => {
  test("is for methods without side effects only", () => {
    const query = new URLSearchParams("encoding=json&message={}");
    expect(wireFormOf(listKeys, "GET", undefined, query)).toBe("method");
    expect(allowedMethods(listKeys)).toEqual(["POST"]);
    expect(wireFormOf(readOnly, "GET", undefined, query)).toMatchObject({ protocol: "connect", json: true, get: true });
    expect(allowedMethods(readOnly)).toEqual(["GET", "POST"]);
    expect(wireFormOf(readOnly, "GET", undefined, new URLSearchParams("encoding=xml"))).toBe("media_type");
  });

  test.each(["message=%7B%22a%22%3A1%7D", `base64=1&message=${Buffer.from('{"a":1}').toString("base64url")}`])(
    "takes %s",
    (query) => {
      expect(() => checkQuery(query, listKeys.input)).not.toThrow();
    },
  );

  test.each([
    ["message=%7B%22a%22%3A1%2C%22a%22%3A2%7D", /duplicate key/],
    ["message=%7B%22a%22%3A%22%FF%22%7D", /UTF-8/],
    ["message={", /JSON/],
    ["", /JSON/],
    [`base64=1&message=${Buffer.from([0x22, 0xff, 0x22]).toString("base64url")}`, /UTF-8/],
  ])("refuses %s", (query, message) => {
    expect(() => checkQuery(query, listKeys.input)).toThrow(message);
  });
});

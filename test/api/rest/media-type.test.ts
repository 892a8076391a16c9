import { describe, expect, it } from "vitest";
import { requireJson } from "../../../src/api/rest/body.js";

describe("requireJson", () => {
  it.each([
    undefined,
    "",
    " ",
    "application/json",
    "Application/JSON",
    "application/json; charset=utf-8",
    'application/json;charset="UTF-8"',
    "application/json ; charset=us-ascii",
    "application/json; v=1; charset=utf8",
    "application/x-www-form-urlencoded",
    "application/merge-patch+json",
    "application/vnd.api.v1+json; q=1",
  ])("takes %j", (contentType) => {
    expect(() => requireJson(contentType)).not.toThrow();
  });

  it.each([
    "text/plain",
    "text/json",
    "application/jsonx",
    "application/json-seq",
    "application/+json",
    "+json",
    "json",
    "application/xml",
    "multipart/form-data; boundary=application/json",
    "application/grpc+proto",
    "application/json, text/plain",
    "application/json; charset=utf-16",
    "application/json; charset=iso-8859-1",
    "application/json; charset=utf-8; charset=utf-16",
    "application/json; charset=",
  ])("refuses %j", (contentType) => {
    expect(() => requireJson(contentType)).toThrow(expect.objectContaining({ code: "unsupported_media_type" }));
  });
});

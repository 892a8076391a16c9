import { fromBinary } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";
import { ErrorDetailSchema } from "../../../gen/signet/v1/options_pb.js";
import { findTrailerError } from "@connectrpc/connect/protocol-grpc";
import { KEYS, openRig } from "./rig.js";
import { http2Call, openHttp2, type Http2Answer } from "./wire.js";

const UNARY = "/signet.v1.BundleService/PublishBundle";
const STREAM = "/signet.v1.RuntimeService/WatchBundle";

interface Refused {
  readonly status: number;
  readonly code: string | number;
  readonly message: string;
  readonly reason: string | undefined;
}

function fromHeaders(header: Headers): Omit<Refused, "status"> {
  const error = findTrailerError(header);
  const detail = error?.details[0];
  const reason =
    detail !== undefined && "type" in detail ? fromBinary(ErrorDetailSchema, detail.value).reason : undefined;
  return { code: error?.code ?? 0, message: error?.rawMessage ?? "", reason };
}

function grpcRefusal({ headers, headersOnly }: Http2Answer): Refused {
  expect(headersOnly).toBe(true);
  const names = ["grpc-status", "grpc-message", "grpc-status-details-bin"];
  const header = new Headers(names.map((name) => [name, String(headers[name])]));
  return { status: Number(headers[":status"]), ...fromHeaders(header) };
}

function webRefusal({ headers, body }: Http2Answer): Refused {
  expect(body.readUInt8(0)).toBe(0x80);
  const lines = body.subarray(5).toString().trim().split("\r\n");
  const header = new Headers(lines.map((line) => line.split(": ") as [string, string]));
  return { status: Number(headers[":status"]), ...fromHeaders(header) };
}

interface ConnectJson {
  readonly code: string;
  readonly message: string;
  readonly details: { readonly value: string }[];
}

function jsonRefusal(status: number, error: ConnectJson): Refused {
  const detail = fromBinary(ErrorDetailSchema, Buffer.from(error.details[0]?.value ?? "", "base64"));
  return { status, code: error.code, message: error.message, reason: detail.reason };
}

function unaryRefusal({ headers, body }: Http2Answer): Refused {
  return jsonRefusal(Number(headers[":status"]), JSON.parse(body.toString()) as ConnectJson);
}

function streamRefusal({ headers, body }: Http2Answer): Refused {
  expect(body.readUInt8(0)).toBe(2);
  return jsonRefusal(
    Number(headers[":status"]),
    (JSON.parse(body.subarray(5).toString()) as { error: ConnectJson }).error,
  );
}

const forms: [string, string, string, (answer: Http2Answer) => Refused, number, string | number][] = [
  ["gRPC", UNARY, "application/grpc", grpcRefusal, 200, 16],
  ["gRPC proto", UNARY, "application/grpc+proto", grpcRefusal, 200, 16],
  ["gRPC JSON", UNARY, "application/grpc+json", grpcRefusal, 200, 16],
  ["gRPC stream", STREAM, "application/grpc", grpcRefusal, 200, 16],
  ["gRPC-Web", UNARY, "application/grpc-web", webRefusal, 200, 16],
  ["gRPC-Web proto", UNARY, "application/grpc-web+proto", webRefusal, 200, 16],
  ["gRPC-Web JSON", STREAM, "application/grpc-web+json", webRefusal, 200, 16],
  ["Connect JSON", UNARY, "application/json", unaryRefusal, 401, "unauthenticated"],
  ["Connect JSON with charset", UNARY, "application/json; charset=utf-8", unaryRefusal, 401, "unauthenticated"],
  ["Connect proto", UNARY, "application/proto", unaryRefusal, 401, "unauthenticated"],
  ["Connect stream JSON", STREAM, "application/connect+json", streamRefusal, 200, "unauthenticated"],
  ["Connect stream proto", STREAM, "application/connect+proto", streamRefusal, 200, "unauthenticated"],
];

describe("a refusal at the door", () => {
  test.each(forms)("in %s needs nothing of the body", async (_name, path, contentType, parse, status, code) => {
    await using rig = await openRig({ failuresPerMinute: 10 });
    using session = openHttp2(rig.url);
    const headers = { "content-type": contentType, "x-api-key": "wrong", "x-request-id": "r-1" };

    // The request's body is never sent: an answer that waits for it would never come.
    const answer = await http2Call(session, path, headers);

    expect(parse(answer)).toEqual({ status, code, message: "invalid or expired token", reason: "unauthenticated" });
    expect(answer.headers).toMatchObject({ "x-request-id": "r-1", "x-ratelimit-limit": "10" });
    expect(answer.rstCode).toBe(0);
    expect(rig.contexts).toEqual([]);
  });

  test.each(forms)("in %s says Retry-After when it is 429", async (_name, path, contentType, parse) => {
    await using rig = await openRig({ failuresPerMinute: 1 });
    using session = openHttp2(rig.url);
    const headers = { "content-type": contentType, "x-api-key": "wrong" };
    await http2Call(session, path, headers);
    const answer = await http2Call(session, path, headers);
    expect(parse(answer)).toMatchObject({ reason: "too_many_failed_authentications" });
    expect(Number(answer.headers["retry-after"])).toBeGreaterThan(0);
    expect(answer.headers).toMatchObject({ "x-ratelimit-remaining": "0" });
    expect(rig.authenticated).toHaveLength(1);
  });

  test("in Connect over HTTP/1.1 leaves the connection usable", async () => {
    await using rig = await openRig();
    for (let i = 0; i < 3; i++) {
      const answer = await fetch(rig.url + UNARY, {
        method: "POST",
        headers: { "content-type": "application/json", "x-api-key": KEYS.runtime },
        body: JSON.stringify({ policies: "x".repeat(500_000) }),
      });
      expect(answer.status).toBe(403);
      expect(await answer.json()).toMatchObject({
        code: "permission_denied",
        message: "publishBundle needs the scope bundle:publish, which this token does not have",
      });
    }
    expect(rig.refused).toEqual(Array(3).fill("sgnt_runtime publishBundle forbidden"));
    expect(rig.contexts).toEqual([]);
  });
});

describe("what no protocol takes", () => {
  test.each([
    [UNARY, "text/xml"],
    [UNARY, "application/grpc-web-text"],
    [UNARY, "application/connect+json"],
    [UNARY, "application/json; charset=latin1"],
    [STREAM, "application/json"],
    [STREAM, ""],
  ])("%s with the content type %j is 415", async (path, contentType) => {
    await using rig = await openRig();
    const answer = await fetch(rig.url + path, {
      method: "POST",
      headers: { "content-type": contentType, "x-request-id": "r-2", "x-api-key": KEYS.ci },
      body: Buffer.from("{}"),
    });
    expect(answer.status).toBe(415);
    // As application/json it would be an error of Connect's, and have another form.
    expect(answer.headers.get("content-type")).toBe("application/problem+json");
    expect(await answer.json()).toMatchObject({ code: 415, error: "Unsupported Media Type", requestId: "r-2" });
    expect(rig.contexts).toEqual([]);
  });

  test.each(["GET", "PUT", "DELETE"])("%s on an RPC path is 405 with Allow", async (method) => {
    await using rig = await openRig();
    const answer = await fetch(rig.url + UNARY, { method, headers: { "x-api-key": KEYS.ci } });
    expect(answer.status).toBe(405);
    expect(answer.headers.get("allow")).toBe("POST");
    expect(answer.headers.get("content-type")).toBe("application/problem+json");
  });

  test("a Host that is no host is 400", async () => {
    await using rig = await openRig();
    using session = openHttp2(rig.url);
    const headers = { ":authority": "[", "content-type": "application/json", "x-api-key": KEYS.ci };
    const answer = await http2Call(session, UNARY, headers, "{}");
    expect(unaryRefusal(answer)).toMatchObject({ status: 400, reason: "malformed" });
  });
});

import { describe, expect, test } from "vitest";
import { KEYS, openRig, ORG } from "../http/rig.js";
import { http2Call, openHttp2, RawConnection } from "../http/wire.js";

/** Head and body of the one answer that closes its connection. */
async function answerTo(port: number, request: string) {
  using connection = new RawConnection(port);
  await connection.send(request);
  const [head = "", body = ""] = (await connection.closed()).split("\r\n\r\n");
  return { status: Number(head.split(" ")[1]), head, body };
}

const REFUSED: [what: string, request: string, status: number][] = [
  ["what is no HTTP", "GET / FTP/7\r\n\r\n", 400],
  ["a broken header", "GET /healthz HTTP/1.1\r\nHost: x\r\nA B: c\r\n\r\n", 400],
  ["two lengths", "POST /v1/x HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400],
  ["a request without Host", "GET /healthz HTTP/1.1\r\n\r\n", 400],
  ["another expectation", "GET /healthz HTTP/1.1\r\nHost: x\r\nExpect: tea\r\nConnection: close\r\n\r\n", 417],
  ["headers that are too large", `GET / HTTP/1.1\r\nHost: x\r\nX: ${"x".repeat(70_000)}\r\n\r\n`, 431],
];

test.each(REFUSED)("%s is answered with the body of every error", async (_what, request, status) => {
  await using rig = await openRig();
  const answer = await answerTo(rig.port, request);
  expect(answer.status).toBe(status);
  expect(answer.head).toMatch(/content-type: application\/json/i);
  expect(JSON.parse(answer.body)).toMatchObject({ code: status, status, requestId: expect.any(String) });
});

test("HTTP/2 answers another expectation so too", async () => {
  await using rig = await openRig();
  using session = openHttp2(rig.url);
  const { headers, body } = await http2Call(session, "/healthz", { ":method": "GET", expect: "tea" });
  expect(headers[":status"]).toBe(417);
  expect(JSON.parse(String(body))).toMatchObject({ code: 417 });
});

describe("the absolute form of a target", () => {
  const rpc = `X-API-Key: ${KEYS.ci}\r\nContent-Type: application/json\r\nContent-Length: 2\r\n`;

  test.each([
    ["a probe", "GET", "/healthz", "", "{"],
    ["a query with an address in it", "GET", "/healthz?x=http://y/", "", ""],
    ["an RPC", "POST", "/signet.v1.BundleService/ListKeys", rpc, "{}"],
    ["REST", "GET", `/v1/orgs/${ORG}`, `X-API-Key: ${KEYS.ci}\r\n`, ""],
    ["a poll", "GET", "/v1/bundles/latest", `X-API-Key: ${KEYS.runtime}\r\n`, ""],
  ])("is taken for %s", async (_what, method, path, headers, body) => {
    await using rig = await openRig();
    const rest = ` HTTP/1.1\r\nHost: x\r\nConnection: close\r\n${headers}\r\n${headers === rpc ? body : ""}`;
    const plain = await answerTo(rig.port, `${method} ${path}${rest}`);
    for (const origin of ["http://signet.example", "HTTPS://signet.example:443"]) {
      const absolute = await answerTo(rig.port, `${method} ${origin}${path}${rest}`);
      expect(absolute.status).toBe(plain.status);
      expect(absolute.body.replace(/"requestId":"[^"]*"/, "")).toBe(plain.body.replace(/"requestId":"[^"]*"/, ""));
    }
  });
});

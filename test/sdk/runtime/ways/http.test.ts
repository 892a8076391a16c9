import { describe, expect, it } from "vitest";
import { Rest, type HttpAnswer, type HttpRequest } from "../../../../src/sdk/runtime/ways/http.js";
import { readServerEvents } from "../../../../src/sdk/runtime/ways/server-events.js";

const never = new AbortController().signal;

async function* chunks(...texts: readonly (string | Uint8Array)[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) yield typeof text === "string" ? new TextEncoder().encode(text) : text;
}

function rest(status: number, body: string, headers: Readonly<Record<string, string>> = {}) {
  const requests: HttpRequest[] = [];
  const send = async (request: HttpRequest): Promise<HttpAnswer> => {
    requests.push(request);
    return { status, header: (name) => headers[name] ?? null, body: chunks(body) };
  };
  return { rest: new Rest(send, "http://signet.example", () => "the-token"), requests };
}

const ERROR = { detail: { error: "too_many_streams", message: "m" }, status: 429, requestId: "r1", message: "busy" };

describe("REST", () => {
  it("sends the token of the moment with each request", async () => {
    const { rest: api, requests } = rest(200, "{}");
    await api.get("/v1/x", { Accept: "a/b" }, never);
    await api.post("/v1/y", { a: 1 }, never);
    expect(requests).toMatchObject([
      {
        method: "GET",
        url: "http://signet.example/v1/x",
        headers: { Accept: "a/b", Authorization: "Bearer the-token" },
      },
      { method: "POST", url: "http://signet.example/v1/y", body: '{"a":1}' },
    ]);
  });

  it.each([
    [401, JSON.stringify({ ...ERROR, status: 401, detail: "no" }), { code: "unauthenticated", isFromServer: true }],
    [
      429,
      JSON.stringify(ERROR),
      { code: "rate_limited", reason: "too_many_streams", isFromServer: true, requestId: "r1" },
    ],
    [
      422,
      JSON.stringify({ ...ERROR, status: 422, detail: [{ loc: [], msg: "m" }] }),
      { code: "invalid", isFromServer: true },
    ],
    [401, "<html>", { code: "unauthenticated", isFromServer: false, message: "HTTP 401" }],
    [403, '{"error":"denied"}', { code: "forbidden", isFromServer: false }],
    [502, "", { code: "unavailable", isFromServer: false }],
    [302, "", { code: "unimplemented", isFromServer: false }],
  ] as const)("tells Signet's errors from a proxy's: %i %s", async (status, body, expected) => {
    const failure = rest(status, body).rest.get("/", {}, never);
    await expect(failure).rejects.toMatchObject({ ...expected, retryAfterSeconds: undefined });
  });

  it("keeps what Retry-After asks for", async () => {
    await expect(rest(503, "", { "Retry-After": "7" }).rest.get("/", {}, never)).rejects.toMatchObject({
      retryAfterSeconds: 7,
    });
  });
});

describe("server-sent events", () => {
  const text =
    'event: activation\nid: 1.a\ndata: {"ä":1}\n\n: comment\r\n\r\nretry: 5\n\ndata:x\ndata: y\r\n\r\ndata: cut off';
  const expected = [
    { name: "activation", data: '{"ä":1}' },
    { name: "message", data: "x\ny" },
  ];

  it("are read whatever the chunks are", async () => {
    const bytes = new TextEncoder().encode(text);
    for (const size of [1, 2, 3, 7, bytes.length]) {
      const parts = Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) =>
        bytes.slice(i * size, (i + 1) * size),
      );
      const events = [];
      for await (const event of readServerEvents(chunks(...parts))) events.push(event);
      expect(events).toEqual(expected);
    }
  });

  it("end before they fill the memory", async () => {
    const endless = async function* () {
      for (;;) yield new Uint8Array(8 * 1024 * 1024).fill(120);
    };
    const reading = (async () => {
      for await (const event of readServerEvents(endless())) expect(event).toBeUndefined();
    })();
    await expect(reading).rejects.toMatchObject({ code: "too_large" });
  });
});

import { describe, expect, it } from "vitest";
import { Rest, type HttpAnswer, type HttpRequest } from "../../../../src/sdk/runtime/ways/http.js";
import { readServerEvents } from "../../../../src/sdk/runtime/ways/server-events.js";
import { createSseRung } from "../../../../src/sdk/runtime/ways/sse-rung.js";

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

describe("a call beside a watch", () => {
  /** A body that begins, and then does `then`. */
  function begun(then: () => Promise<string>, signals: AbortSignal[] = []) {
    const body = async function* () {
      yield new Uint8Array([1]);
      for (;;) yield new TextEncoder().encode(await then());
    };
    const send = async ({ signal }: HttpRequest): Promise<HttpAnswer> => {
      signals.push(signal);
      return { status: 200, header: () => null, body: body() };
    };
    return new Rest(send, "http://signet.example", "t", { idleMs: 20, totalMs: 60 });
  }
  const stalls = async () => await new Promise<string>(() => undefined);
  const drips = async () => {
    await new Promise((resolve) => setTimeout(resolve, 2));
    return "x";
  };

  it.each([
    ["stalls in the middle of a body", stalls, "silent for 20 ms"],
    ["drips", drips, "no whole answer in 60 ms"],
  ] as const)("ends when the server %s", async (_, then, message) => {
    const signals: AbortSignal[] = [];
    const reading = begun(then, signals).read("/v1/x", 1_000_000, never);
    await expect(reading).rejects.toMatchObject({
      code: "timeout",
      message: expect.stringContaining(message) as unknown,
    });
    expect(signals.map(({ aborted }) => aborted)).toEqual([true]);
  });

  it("ends when there is no answer at all, and when the caller wants no more", async () => {
    const silent = new Rest(async () => await new Promise(() => undefined), "http://signet.example", "t", {
      ...{ idleMs: 20, totalMs: 60 },
    });
    await expect(silent.post("/v1/x", {}, never)).rejects.toMatchObject({ code: "timeout" });
    const stop = new AbortController();
    const reading = begun(stalls).read("/v1/x", 10, stop.signal);
    stop.abort();
    await expect(reading).rejects.toMatchObject({ code: "cancelled" });
  });

  it("reads no more than asked for, and one byte", async () => {
    const { bytes } = await begun(async () => "yyyy").read("/v1/x", 6, never);
    expect(bytes).toHaveLength(7);
  });
});

describe("server-sent events", () => {
  const text =
    'event: activation\nid: 1.a\ndata: {"ä":1}\n\n: comment\r\n\r\nretry: 5\n\ndata:x\ndata: y\r\n\r\ndata: cut off';
  const withRetry = "retry: 1500\ndata: z\n\nretry: soon\ndata: z\n\n";
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

  it("say when to come back", async () => {
    const events = [];
    for await (const event of readServerEvents(chunks(withRetry))) events.push(event);
    expect(events).toEqual([
      { name: "message", data: "z", retryMs: 1500 },
      { name: "message", data: "z" },
    ]);
    const body = `event: error\nretry: 1500\ndata: ${JSON.stringify(ERROR)}\n\n`;
    const { rest: api } = rest(200, body, { "Content-Type": "text/event-stream" });
    const rung = createSseRung(api, { instanceId: "i", labels: {}, silentMs: 1_000 });
    const position = () => ({ sequence: 0, deploymentId: "", rootVersion: 0 });
    const news = rung.open(position, never, 1_000)[Symbol.asyncIterator]().next();
    await expect(news).rejects.toMatchObject({ code: "rate_limited", retryAfterSeconds: 1.5 });
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

import { once } from "node:events";
import { createServer, request, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { checkHeaders, checkHeldAnswer, checkStream, findingsOf } from "../../../src/cli/server/proxy-checks.js";
import { ADMIN_TOKEN, startTestServer, type TestServer } from "../../support/server.js";

const NEVER = new AbortController().signal;
const ECHO = {
  host: "signet.example",
  if_none_match: '"signet-doctor.1"',
  forwarded: false,
  public_url: null,
  trusted_proxies: 0,
};
const TAG = '"signet-doctor.1"';

describe("what an echo tells", () => {
  const levels = (
    echo: Partial<typeof ECHO> | { public_url: string; public_urls?: string[] },
    etag: string | undefined,
  ) =>
    findingsOf("http://signet.example/", { ...ECHO, ...echo }, etag).flatMap(({ id, level }) =>
      level === "ok" ? [] : [id],
    );

  it.each([
    ["nothing was changed", {}, TAG, []],
    ["HTTP/2, which has no Host", { host: null as unknown as string }, TAG, []],
    ["another host", { host: "127.0.0.1:8080" }, TAG, ["proxy-host"]],
    ["another host, with a public URL", { host: "127.0.0.1:8080", public_url: "https://signet.example" }, TAG, []],
    [
      "another host, with several public URLs",
      {
        host: "127.0.0.1:8080",
        public_url: "https://b.example",
        public_urls: ["https://b.example", "https://signet.example/a"],
      },
      TAG,
      [],
    ],
    [
      "another host, with the public URLs of others",
      { host: "127.0.0.1:8080", public_url: "https://b.example", public_urls: ["https://b.example"] },
      TAG,
      ["proxy-host"],
    ],
    ["a tag that was weakened", {}, `W/${TAG}`, ["proxy-etag"]],
    ["a tag that was taken away", {}, undefined, ["proxy-etag"]],
    ["a condition that was taken away", { if_none_match: null as unknown as string }, TAG, ["proxy-etag"]],
    ["a proxy that is not trusted", { forwarded: true }, TAG, ["proxy-addresses"]],
    ["a proxy that is", { forwarded: true, trusted_proxies: 1 }, TAG, []],
  ])("%s", (_name, echo, etag, expected) => {
    expect(levels(echo, etag)).toEqual(expected);
  });
});

describe("the way through a proxy", () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startTestServer();
  });
  afterAll(async () => server[Symbol.asyncDispose]());

  /** A proxy of the test's own; `onAnswer` handles what comes back. */
  async function openProxy(
    onAnswer: (answer: IncomingMessage, res: ServerResponse) => void,
    headers: Readonly<Record<string, string>> = {},
  ) {
    const { hostname, port } = new URL(server.url);
    const proxy = createServer((req, res) => {
      const target = { hostname, port, method: req.method, path: req.url, headers: { ...req.headers, ...headers } };
      const onward = request(target, (answer) => onAnswer(answer, res));
      onward.on("error", () => res.destroy());
      res.on("close", () => onward.destroy());
      req.pipe(onward);
    }).listen(0, "127.0.0.1");
    await once(proxy, "listening");
    const url = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
    return {
      reached: { url, token: ADMIN_TOKEN, tls: {} },
      [Symbol.asyncDispose]: async () => {
        proxy.closeAllConnections();
        proxy.close();
        await once(proxy, "close");
      },
    };
  }
  const pass = (answer: IncomingMessage, res: ServerResponse) => {
    res.writeHead(answer.statusCode ?? 500, answer.headers);
    res.flushHeaders();
    answer.pipe(res);
  };
  const ids = (findings: readonly { id: string; level: string }[], level: string) =>
    findings.filter((it) => it.level === level).map(({ id }) => id);

  it("that keeps everything has no finding", async () => {
    await using proxy = await openProxy(pass);
    const { reached } = proxy;
    const all = [
      ...(await checkHeaders(reached, 10_000)),
      ...(await checkStream(reached, 1, NEVER)),
      await checkHeldAnswer(reached, 1, NEVER),
    ];
    expect(all.filter(({ level }) => level !== "ok")).toEqual([]);
    expect(all.map(({ id }) => id)).toEqual([
      ...["proxy-host", "proxy-etag", "proxy-addresses", "proxy-streaming", "proxy-silence", "proxy-silence"],
    ]);
  });

  it("that sends another Host and its own headers is found", async () => {
    await using proxy = await openProxy(pass, { host: "backend", "x-forwarded-for": "198.51.100.7" });
    expect(ids(await checkHeaders(proxy.reached, 10_000), "warning")).toEqual(["proxy-host", "proxy-addresses"]);
  });

  it("that refuses is found", async () => {
    await using proxy = await openProxy((answer, res) => {
      answer.resume();
      res.writeHead(403).end("no");
    });
    expect(ids(await checkHeaders(proxy.reached, 10_000), "error")).toEqual(["proxy"]);
    expect(ids(await checkStream(proxy.reached, 0, NEVER), "error")).toEqual(["proxy-streaming"]);
  });

  it("that keeps a stream back is found", async () => {
    await using proxy = await openProxy((answer, res) => {
      res.writeHead(answer.statusCode ?? 500, answer.headers);
      res.flushHeaders();
    });
    expect(ids(await checkStream(proxy.reached, 60, NEVER, 100), "error")).toEqual(["proxy-streaming"]);
  });

  it("that cuts silence is found, for streams and held answers", async () => {
    await using proxy = await openProxy((answer, res) => {
      pass(answer, res);
      answer.once("data", () => setImmediate(() => res.destroy()));
    });
    const findings = await checkStream(proxy.reached, 60, NEVER);
    expect(ids(findings, "ok")).toEqual(["proxy-streaming"]);
    expect(ids(findings, "error")).toEqual(["proxy-silence"]);
    await using impatient = await openProxy(() => undefined);
    const held = checkHeldAnswer(impatient.reached, 60, NEVER);
    await impatient[Symbol.asyncDispose]();
    expect(await held).toMatchObject({ id: "proxy-silence", level: "error" });
  });
});

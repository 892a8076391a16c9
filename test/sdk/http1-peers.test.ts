import { once } from "node:events";
import http from "node:http";
import net, { type AddressInfo, type Server } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createSignetClient, SignetError } from "../../src/sdk/index.js";
import { openNodeTransport } from "../../src/sdk/node-transport.js";
import { runSignet } from "../cli/in-process.js";
import { ADMIN_TOKEN, startTestServer, type TestServer } from "../support/server.js";

let signet: TestServer;
let proxy: Server;
const requests: string[] = [];

async function listening(server: Server): Promise<string> {
  await once(server.listen(0, "127.0.0.1"), "listening");
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

beforeAll(async () => {
  signet = await startTestServer();
  proxy = http.createServer((req, res) => {
    requests.push(`${req.method} ${req.url}`);
    // As a proxy that strips its prefix does.
    const target = new URL((req.url ?? "").replace(/^\/signet(?=\/)/, ""), signet.url);
    const onward = http.request(target, { method: req.method, headers: req.headers }, (answer) => {
      res.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(res);
    });
    req.pipe(onward);
    res.on("close", () => onward.destroy());
    onward.on("error", () => res.destroy());
  });
});
afterAll(async () => {
  proxy.close();
  await signet[Symbol.asyncDispose]();
});

describe("a peer that speaks HTTP/1.1 only", () => {
  it.each(["", "/signet"])("is called by Connect over that, below %j too", async (path) => {
    const url = (await (proxy.listening ? addressOf(proxy) : listening(proxy))) + path;
    const environment = { SIGNET_URL: url, SIGNET_TOKEN: ADMIN_TOKEN };
    requests.length = 0;
    const { exitCode, out, err } = await runSignet(["whoami", "--json"], { environment });
    expect(exitCode, err).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ key_type: "admin" });
    expect(requests).toEqual([`POST ${path}/signet.v1.TokenService/WhoAmI`]);
  });

  it("can be watched through", async () => {
    const url = await (proxy.listening ? addressOf(proxy) : listening(proxy));
    using connection = openNodeTransport({ url, timeoutMs: 5_000 });
    const admin = createSignetClient({ transport: connection.transport, token: ADMIN_TOKEN });
    const { orgId } = await admin.tokens.whoAmI({});
    const project = await admin.organizations.createProject({ orgId, name: "behind" });
    const key = project.runtimeKeys.find(({ envName }) => envName === "dev")?.rawKey ?? "";
    const runtime = createSignetClient({ transport: connection.transport, token: key });
    for await (const { event } of runtime.runtimes.watchBundle({ instanceId: "i" })) {
      expect(event.case).toBe("nothingActive");
      break;
    }
  });

  it("that is no Signet is told in one line, and nothing else ends", async () => {
    await using other = await rawServer("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    for (const url of [other.url, other.url.replace("http:", "https:")]) {
      const { exitCode, out, err } = await runSignet(["whoami"], {
        environment: { SIGNET_URL: url, SIGNET_TOKEN: "t" },
      });
      expect({ exitCode, out, lines: err.split("\n").length }, err).toEqual({ exitCode: 7, out: "", lines: 2 });
      if (url.startsWith("https:")) expect(err).toContain("the port does not speak TLS: use http://");
    }
    const health = await runSignet(["health"], { environment: { SIGNET_URL: other.url.replace("http:", "https:") } });
    expect(health.err).toContain("the port does not speak TLS: use http://");
  });

  it.each([
    ["rubbish", "hello\n"],
    ["nothing, and ends", ""],
  ])("that says %s costs no more than an error, also when the transport is disposed of", async (_, text) => {
    await using other = await rawServer(text);
    const connection = openNodeTransport({ url: other.url, timeoutMs: 2_000 });
    const client = createSignetClient({ transport: connection.transport, token: "t" });
    const call = client.tokens.whoAmI({});
    await expect(call).rejects.toBeInstanceOf(SignetError);
    connection[Symbol.dispose]();
    // An error that nobody listens to would fail this test's process.
    await once(other.server, "drained");
  });
});

function addressOf(server: Server): string {
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Answers whatever comes with one text and closes. Emits `drained` when no connection is left after one. */
async function rawServer(text: string): Promise<AsyncDisposable & { url: string; server: Server }> {
  let open = 0;
  const server = net.createServer((socket) => {
    open += 1;
    socket.on("error", () => undefined);
    socket.once("data", () => socket.end(text));
    socket.once("close", () => {
      open -= 1;
      if (open === 0) setImmediate(() => server.emit("drained"));
    });
  });
  const url = await listening(server);
  return {
    url,
    server,
    [Symbol.asyncDispose]: () => new Promise((resolve) => void server.close(() => resolve())),
  };
}

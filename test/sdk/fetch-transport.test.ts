import { describe, expect, it } from "vitest";
import { createFetchTransport, createSignetClient } from "../../src/sdk/index.js";

/** A client of a server that answers by this function. */
function clientOf(fetch: typeof globalThis.fetch, timeoutMs = 10_000) {
  return createSignetClient({ transport: createFetchTransport({ url: "http://x", timeoutMs, fetch }), token: "t" });
}

/** What fetch does when nobody answers. */
const silent: typeof fetch = async (_url, init) => {
  init?.signal?.throwIfAborted();
  await new Promise((_resolve, reject) => {
    init?.signal?.addEventListener("abort", () => reject(new DOMException("", "AbortError")));
  });
  throw new Error("unreachable");
};

const FAILED = new TypeError("fetch failed");

describe("a transport over fetch", () => {
  it("calls the path of the method under that of the URL, with the token", async () => {
    const calls: string[] = [];
    const fetch = (url: string | URL | Request, init?: RequestInit) => {
      calls.push(`${url as string} ${new Headers(init?.headers).get("Authorization")}`);
      return Promise.reject(FAILED);
    };
    const transport = createFetchTransport({ url: "http://x/signet/", timeoutMs: 10_000, fetch });
    const client = createSignetClient({ transport, token: "t" });
    await expect(client.bundles.listKeys({})).rejects.toThrow();
    expect(calls).toEqual(["http://x/signet/signet.v1.BundleService/ListKeys Bearer t"]);
  });

  it("says unavailable when the server cannot be reached", async () => {
    const client = clientOf(() => Promise.reject(FAILED));
    const unavailable = { name: "SignetError", code: "unavailable", isFromServer: false };
    await expect(client.bundles.listKeys({})).rejects.toMatchObject(unavailable);
    await expect(client.runtimes.watchBundle({})[Symbol.asyncIterator]().next()).rejects.toMatchObject(unavailable);
  });

  it("says unavailable when a watch breaks off", async () => {
    const body = new ReadableStream({ start: (controller) => controller.error(new TypeError("network error")) });
    const headers = { "Content-Type": "application/connect+proto" };
    const client = clientOf(() => Promise.resolve(new Response(body, { headers })));
    await expect(client.runtimes.watchBundle({})[Symbol.asyncIterator]().next()).rejects.toMatchObject({
      code: "unavailable",
      message: "the connection to the server was lost",
    });
  });

  it("says timeout after its time, cancelled after an abort", async () => {
    await expect(clientOf(silent, 1).bundles.listKeys({})).rejects.toMatchObject({ code: "timeout" });
    const signal = AbortSignal.abort();
    await expect(clientOf(silent).bundles.listKeys({}, { signal })).rejects.toMatchObject({ code: "cancelled" });
  });

  it("takes the page of a proxy for no answer of Signet", async () => {
    const page = () => new Response("<h1>Sign in</h1>", { status: 403, headers: { "Content-Type": "text/html" } });
    await expect(clientOf(() => Promise.resolve(page())).bundles.listKeys({})).rejects.toMatchObject({
      code: "forbidden",
      isFromServer: false,
    });
  });
});

import { createRouterTransport } from "@connectrpc/connect";
import { describe, expect, it } from "vitest";
import { createFetchTransport, createSignetClient, createStatusReporter, verifyDocument } from "../../src/sdk/index.js";
import { openNodeTransport } from "../../src/sdk/node-transport.js";

const transport = createRouterTransport(() => undefined);
const client = createSignetClient({ transport, token: "t" });
const { signal } = new AbortController();

/** What a caller without types may pass. */
type Loose = (...args: readonly unknown[]) => unknown;

describe("wrong options are a TypeError at the call that has them", () => {
  it.each<[string, Loose, readonly unknown[], string]>([
    ["the client", createSignetClient as Loose, [], "options"],
    ["the client", createSignetClient as Loose, [{ transport: "http://x", token: "t" }], "transport"],
    ["the client", createSignetClient as Loose, [{ transport: { transport }, token: "t" }], "transport"],
    ["the client", createSignetClient as Loose, [{ transport }], "token"],
    ["the client", createSignetClient as Loose, [{ transport, token: "" }], "token"],
    ["the client", createSignetClient as Loose, [{ transport, token: "t\n" }], "token"],
    ["the transport", openNodeTransport as Loose, ["http://x"], "options"],
    ["the transport", openNodeTransport as Loose, [{ url: "127.0.0.1:8080", timeoutMs: 1 }], "url"],
    ["the transport", openNodeTransport as Loose, [{ url: "ftp://x", timeoutMs: 1 }], "url"],
    ["the transport", openNodeTransport as Loose, [{ url: "http://x" }], "timeoutMs"],
    ["the transport", openNodeTransport as Loose, [{ url: "http://x", timeoutMs: NaN }], "timeoutMs"],
    ["the transport", openNodeTransport as Loose, [{ url: "http://x", timeoutMs: Infinity }], "timeoutMs"],
    ["the transport", openNodeTransport as Loose, [{ url: "https://x", timeoutMs: 1, tls: { ca: 5 } }], "tls.ca"],
    ["the transport", createFetchTransport as Loose, ["http://x"], "options"],
    ["the transport", createFetchTransport as Loose, [{ url: "/v1", timeoutMs: 1 }], "url"],
    ["the transport", createFetchTransport as Loose, [{ url: "http://x", timeoutMs: 0 }], "timeoutMs"],
    ["the transport", createFetchTransport as Loose, [{ url: "http://x", timeoutMs: 1, fetch: "x" }], "fetch"],
    ["the reporter", createStatusReporter as Loose, [{}, { instanceId: "i", signal }], "client"],
    ["the reporter", createStatusReporter as Loose, [client, { instanceId: "i" }], "signal"],
    ["the reporter", createStatusReporter as Loose, [client, { instanceId: "i".repeat(129), signal }], "instanceId"],
    [
      "the reporter",
      createStatusReporter as Loose,
      [client, { instanceId: "i", signal, labels: { a: 1 } }],
      "labels.a",
    ],
    ["the reporter", createStatusReporter as Loose, [client, { instanceId: "i", signal, agent: 1 }], "agent"],
    ["the reporter", createStatusReporter as Loose, [client, { instanceId: "i", signal, onFailure: 1 }], "onFailure"],
  ])("%s: %# %s", (_what, call, args, name) => {
    const message = expect.stringMatching(`^${name} must be `) as string;
    expect(() => call(...args)).toThrow(expect.objectContaining({ name: "TypeError", message }));
  });

  it.each<[readonly unknown[], string]>([
    [[new Uint8Array(1), [], {}], "the document"],
    [["{", "-----BEGIN PUBLIC KEY-----", {}], "keys"],
    [["{", [{ bytes: "x", keyId: "x" }], {}], "keys"],
    [["{", []], "expected"],
    [["{", [], { orgId: 5 }], "expected.orgId"],
    [["{", [], {}, { requireSignatureV2: "no" }], "requireSignatureV2"],
    [["{", [], {}, { verifier: {} }], "verifier"],
  ])("verifyDocument: %# %s", async (args, name) => {
    const message = expect.stringMatching(`^${name} must `) as string;
    await expect((verifyDocument as Loose)(...args)).rejects.toThrow(
      expect.objectContaining({ name: "TypeError", message }),
    );
  });

  it("repeats no token", () => {
    expect(() => createSignetClient({ transport, token: "secret\n" })).not.toThrow("secret");
  });
});

import { createGrpcWebTransport } from "@connectrpc/connect-web";
import { build } from "esbuild";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import vm from "node:vm";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type * as Sdk from "../../../src/sdk/index.js";
import { activationOf, IDENTITY, ScriptedSignet, until } from "../../sdk/runtime/scripted-signet.js";
import { createTestProject } from "../../scenarios/project.js";
import { ADMIN_TOKEN, startTestServer, type TestServer } from "../../support/server.js";
import { installSdk, PACKING_MS, type Consumer } from "../../support/sdk-package.js";
import { keys } from "../../vectors/make/keys.js";
import { content, pack, signRoot, siteRoot, START } from "../../vectors/make/objects.js";

const scratch = mkdtempSync(join(tmpdir(), "signet-sdk-browser-"));
let consumer: Consumer;
let server: TestServer;

beforeAll(async () => {
  consumer = await installSdk(scratch);
  server = await startTestServer();
}, PACKING_MS);

afterAll(async () => {
  await server[Symbol.asyncDispose]();
  rmSync(scratch, { recursive: true });
});

/** A script for a browser, as a program's bundler makes it. The global `sdk` is what the program exports. */
async function bundled(program: string): Promise<string> {
  const { outputFiles } = await build({
    stdin: { contents: program, resolveDir: consumer.directory },
    bundle: true,
    minify: true,
    format: "iife",
    globalName: "sdk",
    platform: "browser",
    write: false,
    logLevel: "silent",
  });
  return outputFiles[0]?.text ?? "";
}

/** What browsers, workers and Node have alike, and nothing that only Node has. Objects of the host are of the host's classes. */
const HOST = [
  ...["AbortController", "AbortSignal", "Headers", "Request", "Response", "ReadableStream", "TransformStream", "fetch"],
  ...["TextDecoder", "TextEncoder", "URL", "URLSearchParams", "atob", "btoa", "crypto", "performance", "DOMException"],
  ...["setTimeout", "clearTimeout", "setInterval", "clearInterval", "queueMicrotask", "structuredClone"],
  ...["Uint8Array", "ArrayBuffer", "DataView", "Error", "TypeError", "Promise"],
] as const;

function runInBrowser(script: string): typeof Sdk {
  const host = Object.fromEntries(HOST.map((name) => [name, (globalThis as Record<string, unknown>)[name]]));
  const context = vm.createContext(host);
  expect(vm.runInContext("[typeof process, typeof Buffer, typeof require].join()", context)).toBe(
    "undefined,undefined,undefined",
  );
  vm.runInContext(script, context);
  return context["sdk"] as typeof Sdk;
}

const EVERYTHING = `export * from "@signet/sdk"`;

/** What programs take of it, and how much it may be, in bytes after gzip. */
const PROGRAMS: readonly (readonly [uses: string, program: string, maxBytes: number])[] = [
  ["everything", EVERYTHING, 120_000],
  ["a runtime", `export { openRuntime } from "@signet/sdk"`, 85_000],
  ["the verifier of documents", `export { verifyDocument, parsePublicKey } from "@signet/sdk"`, 20_000],
];

describe("the core of the SDK in a browser", () => {
  it.each(PROGRAMS)("needs nothing of Node and is small: %s", async (uses, program, maxBytes) => {
    const script = await bundled(program);
    expect(script).not.toMatch(/\bnode:|\bBuffer\b|\brequire\b/);
    const { length } = gzipSync(script);
    console.info(`${uses}: ${(length / 1000).toFixed(1)} kB gzipped`);
    expect(length).toBeLessThan(maxBytes);
  });

  it("publishes, watches and verifies where there is no process, no Buffer and no require", async () => {
    const sdk = runInBrowser(await bundled(EVERYTHING));
    const { place, runtimeToken } = await createTestProject(server, "browser");
    const transport = sdk.createFetchTransport({ url: server.url, timeoutMs: 10_000 });
    const admin = sdk.createSignetClient({ transport, token: ADMIN_TOKEN });
    const published = await admin.bundles.publishBundle({ ...place.dev, policies: '{"pii":{"enabled":true}}' });
    expect(published.version).toBe(1);

    const { keys } = await admin.bundles.listKeys({});
    const trusted = keys.filter(({ purpose }) => purpose === "bundles").map(({ publicKeyPem }) => publicKeyPem);
    const stop = new AbortController();
    const events = sdk.watchBundle(sdk.createSignetClient({ transport, token: runtimeToken.dev }), {
      keys: trusted.map((pem) => sdk.parsePublicKey(pem)),
      expect: { environment: "dev" },
      instanceId: "browser",
      signal: stop.signal,
    });
    for await (const { version, bundle } of sdk.activationsOf(events)) {
      expect(bundle.document.policies).toEqual({ pii: { enabled: true } });
      if (version === 2) break;
      await admin.bundles.publishBundle({ ...place.dev, policies: '{"pii":{"enabled":true}}' });
    }
    stop.abort();
  });

  it("opens a runtime that proves what it has", async () => {
    const sdk = runInBrowser(await bundled(EVERYTHING));
    const [first, second] = [await pack(), await pack({ sequence: 8, bytes: content(50) })];
    await using signet = await ScriptedSignet.start(() => [activationOf(first)]);
    const runtime = await sdk.openRuntime({
      ...{ url: signet.url, token: "t", identity: IDENTITY, instanceId: "browser", now: () => new Date(START) },
      ...{ trust: { root: await signRoot(siteRoot()) }, cache: sdk.createMemoryCache() },
    });
    expect(await runtime.ready()).toMatchObject({ sequence: 7, policies: { limit: 100 } });
    expect(runtime.status).toMatchObject({ state: "fresh", transport: "connect", refusal: null });
    signet.push(activationOf(second));
    for await (const { sequence, policies } of runtime.updates()) {
      if (sequence === 7) continue;
      expect({ sequence, policies }).toEqual({ sequence: 8, policies: { limit: 50 } });
      break;
    }
    // Stripped of what one of the authors signed.
    signet.push(activationOf(await pack({ sequence: 9, authors: [keys.alice] })));
    await until(() => runtime.status.refusal !== null);
    expect(runtime.status.refusal).toMatchObject({ code: "bad_signature", sequence: 9 });
    expect(runtime.current?.sequence).toBe(8);
    // Not every browser has `await using`.
    await runtime.close();
  });

  it.each(["connect", "sse", "poll"] as const)("follows a server by %s", async (transport) => {
    const sdk = runInBrowser(await bundled(EVERYTHING));
    const { orgId, url } = server;
    const { place, projectId, runtimeToken } = await createTestProject(server, `browser ${transport}`);
    const admin = sdk.createSignetClient({
      transport: sdk.createFetchTransport({ url, timeoutMs: 10_000 }),
      token: ADMIN_TOKEN,
    });
    await admin.bundles.publishBundle({ ...place.dev, policies: '{"limit":1}' });
    const { keys: served } = await admin.bundles.listKeys({});
    const runtime = await sdk.openRuntime({
      ...{ url, token: runtimeToken.dev, instanceId: "browser", transports: [transport] },
      identity: { orgId, projectId, environment: "dev" },
      trust: { keys: served.filter(({ purpose }) => purpose === "attestation").map((key) => key.publicKeyPem) },
    });
    for await (const { sequence, policies } of runtime.updates()) {
      expect(policies).toEqual({ limit: sequence });
      if (sequence === 2) break;
      await admin.bundles.publishBundle({ ...place.dev, policies: '{"limit":2}' });
    }
    expect(runtime.status).toMatchObject({ state: "fresh", transport, refusal: null });
    await runtime.close();
  });

  it("tells a server that is away from one that refuses", async () => {
    const sdk = runInBrowser(await bundled(EVERYTHING));
    const clientOf = (url: string) =>
      sdk.createSignetClient({ transport: sdk.createFetchTransport({ url, timeoutMs: 10_000 }), token: "nobody" });
    await expect(clientOf("http://127.0.0.1:1").organizations.listOrganizations({})).rejects.toMatchObject({
      name: "SignetError",
      code: "unavailable",
      isFromServer: false,
    });
    await expect(clientOf(server.url).organizations.listOrganizations({})).rejects.toMatchObject({
      code: "unauthenticated",
      isFromServer: true,
    });
  });

  it("takes the transport of a program that has Connect itself", async () => {
    const sdk = runInBrowser(await bundled(EVERYTHING));
    const transport = createGrpcWebTransport({ baseUrl: server.url });
    const { orgId } = server;
    const admin = sdk.createSignetClient({ transport, token: ADMIN_TOKEN });
    expect((await admin.organizations.getOrganization({ orgId })).id).toBe(orgId);
    const stranger = sdk.createSignetClient({ transport, token: "nobody" });
    await expect(stranger.organizations.getOrganization({ orgId })).rejects.toMatchObject({ code: "unauthenticated" });
  });
});

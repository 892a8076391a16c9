import { createGrpcWebTransport } from "@connectrpc/connect-web";
import { build } from "esbuild";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import vm from "node:vm";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type * as Sdk from "../../../src/sdk/index.js";
import { createTestProject } from "../../scenarios/project.js";
import { ADMIN_TOKEN, startTestServer, type TestServer } from "../../support/server.js";
import { installSdk, type Consumer } from "../../support/sdk-package.js";

const scratch = mkdtempSync(join(tmpdir(), "signet-sdk-browser-"));
let consumer: Consumer;
let server: TestServer;

beforeAll(async () => {
  consumer = await installSdk(scratch);
  server = await startTestServer();
});

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
const VERIFIER = `export { verifyDocument, parsePublicKey } from "@signet/sdk"`;

describe("the core of the SDK in a browser", () => {
  it("needs nothing of Node, and a program takes no more of it than it uses", async () => {
    const script = await bundled(EVERYTHING);
    expect(script).not.toMatch(/\bnode:|\bBuffer\b|\brequire\b/);
    const sizes = [script, await bundled(VERIFIER)].map((text) => gzipSync(text).length);
    const [everything = 0, verifier = 0] = sizes;
    console.info(`gzipped: ${kilobytes(everything)}, the verifier of documents alone ${kilobytes(verifier)}`);
    expect(everything).toBeLessThan(100_000);
    expect(verifier).toBeLessThan(20_000);
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

function kilobytes(bytes: number): string {
  return `${(bytes / 1000).toFixed(1)} kB`;
}

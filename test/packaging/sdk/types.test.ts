import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, it } from "vitest";
import { installSdk, PACKING_MS, type Consumer } from "../../support/sdk-package.js";

const ROOT = join(import.meta.dirname, "../../..");
const scratch = mkdtempSync(join(tmpdir(), "signet-sdk-types-"));
let consumer: Consumer;

beforeAll(async () => {
  consumer = await installSdk(scratch);
}, PACKING_MS);

afterAll(() => rmSync(scratch, { recursive: true }));

/** Typescript 5 takes seconds, on a machine that is busy with other tests a minute. */
const COMPILING_MS = 300_000;

const CALLS = `
import { changeHeaders, createSignetClient, createFetchTransport, SignetError, watchBundle } from "@signet/sdk";
import type { Bundle, PublishBundleRequest, SignetClient, WatchEvent } from "@signet/sdk";
import { openRuntime as openByFetch, TrustError, type CurrentPolicies, type Runtime } from "@signet/sdk";
import { openFileCache, openNodeTransport, openRuntime, type NodeRuntimeOptions } from "@signet/sdk/node";

using connection = openNodeTransport({ url: "http://127.0.0.1:1", timeoutMs: 1 });
const client: SignetClient = createSignetClient({ transport: connection.transport, token: () => "t" });
createSignetClient({ transport: createFetchTransport({ url: "http://127.0.0.1:1", timeoutMs: 1 }), token: "t" });
const wanted: Pick<PublishBundleRequest, "orgId"> = { orgId: "acme" };
try {
  const bundle: Bundle = await client.bundles.publishBundle(wanted, { headers: changeHeaders({ ifMatch: 3 }) });
  const version: number = bundle.version;
  console.log(version);
} catch (thrown) {
  if (thrown instanceof SignetError && thrown.code === "conflict") console.log(thrown.fields.length);
}
// @ts-expect-error no request has this field
await client.bundles.publishBundle({ orgid: "acme" });
// @ts-expect-error no code is called so
console.log((error: SignetError) => error.code === "confict");
const { signal } = new AbortController();
for await (const event of watchBundle(client, { keys: [], expect: {}, instanceId: "i", signal })) take(event);
const options: NodeRuntimeOptions = {
  url: "http://127.0.0.1:1",
  token: "t",
  trust: { root: "{}" },
  identity: { orgId: "o", projectId: "p", environment: "prod" },
  instanceId: "i",
  cache: openFileCache("cache"),
  onExpired: "close",
};
const runtime: Runtime = await openRuntime(options);
const policies: CurrentPolicies | null = runtime.current;
console.log(policies?.policies["limit"], runtime.status.refusal?.code === "rolled_back");
// @ts-expect-error there is no other choice
await openRuntime({ ...options, onExpired: "crash" });
// @ts-expect-error a path is for Node
await openByFetch({ ...options, cache: "cache" });
for await (const { sequence } of runtime.updates()) console.log(sequence, TrustError.name);
await runtime.close();
function take(event: WatchEvent): number {
  return event.type === "activation" ? event.activation.sequence : 0;
}
`;

/** A transport that the program brings itself is of another copy of Connect, whose types TypeScript takes for others. */
const OWN_TRANSPORT = `
import { createSignetClient } from "@signet/sdk";
import { createGrpcWebTransport } from "@connectrpc/connect-web";

createSignetClient({ transport: createGrpcWebTransport({ baseUrl: "http://127.0.0.1:1" }), token: "t" });
// @ts-expect-error the URL is no transport
createSignetClient({ transport: "http://127.0.0.1:1", token: "t" });
`;

it.each([
  { module: "nodenext", moduleResolution: "nodenext", compiler: "typescript-native" },
  { module: "preserve", moduleResolution: "bundler", compiler: "typescript-native" },
  { module: "nodenext", moduleResolution: "nodenext", compiler: "typescript" },
])(
  "types a program by $compiler with moduleResolution $moduleResolution",
  { timeout: COMPILING_MS },
  async ({ compiler, ...resolution }) => {
    const directory = join(consumer.directory, `${compiler}-${resolution.moduleResolution}`);
    mkdirSync(directory);
    // No types of Node, and all declarations of the package are checked, too.
    const options = { strict: true, noEmit: true, skipLibCheck: false, target: "es2022", types: [], ...resolution };
    const lib = ["es2022", "dom", "dom.asynciterable"];
    const write = (name: string, text: string) => writeFileSync(join(directory, name), text);
    write("package.json", JSON.stringify({ type: "module" }));
    write("tsconfig.json", JSON.stringify({ compilerOptions: { ...options, lib }, include: ["*.ts"] }));
    write("calls.ts", CALLS);
    write("own-transport.ts", OWN_TRANSPORT);
    const own = join(directory, "node_modules/@connectrpc");
    mkdirSync(own, { recursive: true });
    symlinkSync(join(ROOT, "node_modules/@connectrpc/connect-web"), join(own, "connect-web"));
    expect(await problemsOf(compiler, directory)).toBe("");
  },
);

async function problemsOf(compiler: string, directory: string): Promise<string> {
  const tsc = join(ROOT, "node_modules", compiler, "bin/tsc");
  const ran = promisify(execFile)(process.execPath, [tsc, "--project", directory], { encoding: "utf8" });
  return await ran.then(
    ({ stdout }) => stdout,
    (thrown: { stdout: string }) => thrown.stdout,
  );
}

import { execFileSync } from "node:child_process";
import { mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createMemoryCache, type CacheEntry, type Runtime } from "../../../src/sdk/index.js";
import { openFileCache, type NodeRuntimeOptions } from "../../../src/sdk/node.js";
import { after, content, pack, sha256, signRoot, siteRoot, START } from "../../vectors/make/objects.js";
import { activationOf, heartbeatOf, ScriptedSignet, until } from "./scripted-signet.js";

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "signet-cache-"));
});
afterEach(async () => {
  await rm(directory, { recursive: true, force: true });
});

/** The folder of the environment. */
async function folder(): Promise<string> {
  const names = await readdir(directory);
  expect(names).toHaveLength(1);
  return join(directory, names[0] ?? "");
}

async function runOnce(sequence: number, options: Partial<NodeRuntimeOptions> = {}): Promise<void> {
  const parts = await pack({ sequence, bytes: content(sequence), issuedAt: after(sequence) });
  await using signet = await ScriptedSignet.start(() => [activationOf(parts)]);
  await using runtime = await signet.runtime({ cache: directory, ...options });
  await until(() => runtime.current?.sequence === sequence);
}

/** A runtime whose server is away. */
async function alone(options: Partial<NodeRuntimeOptions> = {}): Promise<Runtime> {
  const signet = await ScriptedSignet.start();
  const runtime = await signet.runtime({ cache: directory, url: "http://127.0.0.1:9", ...options });
  await signet[Symbol.asyncDispose]();
  return runtime;
}

describe("a cache", () => {
  it("does not wait for a pipe in the place of its state", async () => {
    await runOnce(7);
    const file = join(await folder(), "state.json");
    await rm(file);
    execFileSync("mkfifo", [file]);
    await using runtime = await alone();
    expect(runtime.current).toBeNull();
    expect(runtime.status.cacheError).toMatchObject({ message: expect.stringContaining("no regular file") as unknown });
  });

  it("is written when something changed, and not for a lease that is told again", async () => {
    const parts = await pack();
    await using signet = await ScriptedSignet.start(() => [activationOf(parts)]);
    const cache = createMemoryCache();
    const ranks: (readonly number[])[] = [];
    const store = async (name: string, entry: CacheEntry) => {
      ranks.push(entry.rank);
      await cache.store(name, entry);
    };
    await using runtime = await signet.runtime({ cache: { load: (name) => cache.load(name), store } });
    await runtime.ready();
    const renewed = heartbeatOf(await pack({ issuedAt: after(60) }));
    signet.push(heartbeatOf(parts), heartbeatOf(parts), renewed, renewed);
    await until(() => runtime.current?.provenUntil.getTime() === Date.parse(after(360)));
    signet.cut();
    await until(() => runtime.status.connections === 2);
    expect(ranks).toEqual([0, 60].map((seconds) => [1, 7, Date.parse(after(seconds))]));
  });
});

describe("a cache of files", () => {
  it("lets a runtime start while the server is away, proven for as long as it was", async () => {
    await runOnce(7);
    let nowMs = Date.parse(START);
    await using runtime = await alone({ now: () => new Date(nowMs), onExpired: "close" });
    expect(runtime.current).toMatchObject({ sequence: 7, policies: { limit: 7 }, release: { number: 3 } });
    expect(runtime.status).toMatchObject({ state: "fresh", transport: null, cacheError: null });
    expect(await runtime.ready()).toBe(runtime.current);
    nowMs = Date.parse(after(307));
    expect([runtime.status.state, runtime.current]).toEqual(["expired", null]);
    await using serving = await alone({ now: () => new Date(nowMs) });
    expect([serving.status.state, serving.current?.sequence]).toEqual(["expired", 7]);
  });

  it("holds one content, durable before the state names it, for its owner alone", async () => {
    await runOnce(7);
    await runOnce(8);
    const names = (await readdir(await folder())).toSorted();
    expect(names).toEqual([`content-${sha256(content(8))}.json`, "state.json"]);
    const state = JSON.parse(await readFile(join(await folder(), "state.json"), "utf8")) as Record<string, unknown>;
    expect(state).toMatchObject({ rank: [1, 8, Date.parse(after(8))], content: sha256(content(8)) });
    for (const name of names) expect((await stat(join(await folder(), name))).mode & 0o077).toBe(0);
  });

  it("refuses after a restart what is older than before it", async () => {
    await runOnce(8);
    const replayed = await pack({ sequence: 7, bytes: content(7), issuedAt: after(20) });
    await using signet = await ScriptedSignet.start(() => [activationOf(replayed)]);
    await using runtime = await signet.runtime({ cache: directory });
    await until(() => runtime.status.refusal !== null);
    expect(runtime.status.refusal).toMatchObject({ code: "rolled_back" });
    expect(runtime.current?.sequence).toBe(8);
  });

  it.each([
    ["content", "digest_mismatch"],
    ["state", "bad_signature"],
  ] as const)("does not trust a changed %s, and says so; the server's replaces it", async (what, code) => {
    await runOnce(7);
    const file = what === "content" ? `content-${sha256(content(7))}.json` : "state.json";
    const path = join(await folder(), file);
    const text = await readFile(path, "utf8");
    await writeFile(
      path,
      what === "content" ? text.replace("7", "8") : text.replaceAll('\\"sig\\":\\"', '\\"sig\\":\\"AAAA'),
    );
    await using runtime = await alone();
    expect(runtime.current).toBeNull();
    expect(runtime.status).toMatchObject({ state: "empty", cacheError: { code } });
    await runOnce(9);
    await using later = await alone();
    expect(later.current).toMatchObject({ sequence: 9 });
    expect(later.status.cacheError).toBeNull();
  });

  it("keeps the floor when the content is lost", async () => {
    await runOnce(8);
    await rm(join(await folder(), `content-${sha256(content(8))}.json`));
    const replayed = activationOf(await pack({ sequence: 7, issuedAt: after(20) }));
    await using signet = await ScriptedSignet.start(() => [replayed]);
    await using runtime = await signet.runtime({ cache: directory });
    await until(() => runtime.status.refusal !== null);
    expect(runtime.status).toMatchObject({ state: "empty", refusal: { code: "rolled_back" } });
    const same = activationOf(await pack({ sequence: 8, bytes: content(8), issuedAt: after(21) }));
    signet.script = () => [same];
    await until(() => runtime.current?.sequence === 8);
    expect(runtime.status).toMatchObject({ state: "fresh", refusal: null });
  });

  it("survives rubbish, and a process that ended while it wrote", async () => {
    await runOnce(7);
    const place = await folder();
    await writeFile(join(place, "state.json"), "{");
    await writeFile(join(place, "lock"), "");
    await writeFile(join(place, "state.json.dead.tmp"), "x");
    const longAgo = new Date(Date.now() - 60_000);
    for (const name of ["lock", "state.json.dead.tmp"]) await utimes(join(place, name), longAgo, longAgo);
    await runOnce(8);
    expect((await readdir(place)).toSorted()).toEqual([`content-${sha256(content(8))}.json`, "state.json"]);
  });

  it("goes on when it cannot be written, and says so", async () => {
    await writeFile(join(directory, "file"), "");
    const parts = activationOf(await pack());
    await using signet = await ScriptedSignet.start(() => [parts]);
    await using runtime = await signet.runtime({ cache: join(directory, "file") });
    expect(await runtime.ready()).toMatchObject({ sequence: 7 });
    expect(runtime.status).toMatchObject({ state: "fresh", cacheError: { code: "ENOTDIR" } });
  });

  it("never replaces what another process stored later", async () => {
    const [one, other] = [openFileCache(directory), openFileCache(directory)];
    const entry = (sequence: number) => {
      const bytes = content(sequence);
      return { state: `{"n":${sequence}}`, content: { digest: sha256(bytes), bytes }, rank: [1, sequence, 0] };
    };
    await Promise.all(
      [1, 5, 3, 4, 2].map((sequence) => (sequence % 2 === 0 ? one : other).store("prod", entry(sequence))),
    );
    await one.store("prod", entry(4));
    for (const cache of [one, other]) {
      expect(await cache.load("prod")).toEqual({
        state: '{"n":5}',
        content: { digest: sha256(content(5)), bytes: Buffer.from(content(5)) },
      });
    }
    // A newer root lowers the floor.
    await one.store("prod", { ...entry(2), rank: [2, 2, 0] });
    expect((await other.load("prod"))?.state).toBe('{"n":2}');
  });

  it("may be shared by environments, of one project and of others", async () => {
    await runOnce(7);
    const dev = { environment: "dev", number: null, sequence: 3 };
    const parts = activationOf(await pack(dev));
    await using signet = await ScriptedSignet.start(() => [parts]);
    const identity = {
      ...(await pack(dev), { orgId: siteRoot().orgId, projectId: siteRoot().projectId }),
      environment: "dev",
    };
    await using runtime = await signet.runtime({
      cache: directory,
      identity,
      trust: { root: await signRoot(siteRoot()) },
    });
    expect(await runtime.ready()).toMatchObject({ sequence: 3 });
    expect((await readdir(directory)).map((name) => name.replace(/-[0-9a-f]{16}$/, "")).toSorted()).toEqual([
      "dev",
      "prod",
    ]);
    signet.push(heartbeatOf(await pack({ ...dev, issuedAt: after(9) })));
    await until(() => runtime.current?.provenUntil.getTime() === Date.parse(after(309)));
    await using prod = await alone();
    expect(prod.current?.sequence).toBe(7);
  });
});

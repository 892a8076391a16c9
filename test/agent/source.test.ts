import { createHash } from "node:crypto";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startRelay } from "../attacks/trust/relay.js";
import { Site } from "../attacks/trust/site.js";
import { until } from "../sdk/runtime/scripted-signet.js";
import { openSource, scratchDirectory } from "./sources.js";

let site: Site;

beforeAll(async () => {
  site = await Site.open();
  await site.publish();
});
afterAll(async () => {
  await site[Symbol.asyncDispose]();
});

const NOBODY = "http://127.0.0.1:1";

const sha256 = (bytes: string | Uint8Array) => createHash("sha256").update(bytes).digest("hex");

async function served(path: string): Promise<Buffer> {
  const answer = await fetch(`${site.signet.url}${path}`, { headers: { authorization: `Bearer ${site.token}` } });
  expect(answer.status).toBe(200);
  return Buffer.from(await answer.arrayBuffer());
}

describe("the source of an environment", () => {
  it("has the bytes that the server has, and each new activation", async () => {
    await using directory = await scratchDirectory();
    await using source = await openSource(site, directory.path, { keeps: ["document"] });
    for (let change = 0; change < 2; change += 1) {
      const sequence = change === 0 ? (await site.publish(), await site.publish()) : await site.publish();
      await until(() => source.current?.sequence === sequence);
      const pack = source.current;
      expect(pack?.content.equals(await served("/v1/bundles/latest/content"))).toBe(true);
      expect((await pack?.document())?.equals(await served("/v1/bundles/latest"))).toBe(true);
      expect(pack).toMatchObject({ kind: "publish", mediaType: "application/json", identity: source.identity });
      expect(pack?.policyHash).toBe(`sha256:${sha256(pack?.content ?? "")}`);
      const policies = (await pack?.policies())?.toString() ?? "";
      expect(JSON.parse(String(await served("/v1/bundles/latest")))).toMatchObject({ policies: JSON.parse(policies) });
    }
    const { attestation, lease, rootVersion } = source.proof;
    expect(JSON.parse(attestation ?? "")).toEqual(JSON.parse(String(await served("/v1/bundles/latest/attestation"))));
    expect(JSON.parse(attestation ?? "")).toMatchObject({ lease: JSON.parse(lease ?? "") });
    expect(rootVersion).toBe(1);
    expect(source.status).toMatchObject({ state: "fresh", isFromDisk: false, cacheError: null });
    expect(source.status.lastUpdateAt).toBeInstanceOf(Date);
  });

  it("yields each activation to who reads them, and ends when it is closed", async () => {
    await using directory = await scratchDirectory();
    const source = await openSource(site, directory.path);
    const seen: number[] = [];
    const reading = (async () => {
      for await (const { sequence } of source.updates()) seen.push(sequence);
    })();
    await until(() => seen.length === 1);
    const sequence = await site.publish();
    await until(() => seen.at(-1) === sequence);
    await source[Symbol.asyncDispose]();
    await reading;
  });

  it("starts from the disk while the server is away, with all that it keeps", async () => {
    await using directory = await scratchDirectory();
    let kept: Buffer | undefined;
    {
      await using source = await openSource(site, directory.path, { keeps: ["document"] });
      await until(() => source.current !== null);
      kept = await source.current?.document();
      await until(() => source.proof.attestation !== null);
    }
    await using later = await openSource(site, directory.path, { url: NOBODY });
    expect(later.status).toMatchObject({ state: "fresh", isFromDisk: true, lastUpdateAt: null });
    expect((await later.current?.document())?.equals(kept ?? Buffer.alloc(0))).toBe(true);
    expect(later.proof.attestation).toContain('"activation":{');
    expect(later.status.sequence).toBe(later.current?.sequence);
  });

  it("serves on, or closes, when what is on the disk has expired", async () => {
    await using directory = await scratchDirectory();
    {
      await using source = await openSource(site, directory.path);
      await until(() => source.current !== null);
    }
    const now = () => new Date(Date.now() + 3_600_000);
    for (const onExpired of ["serve", "close"] as const) {
      await using source = await openSource(site, directory.path, { url: NOBODY, onExpired, now });
      expect(source.status.state).toBe("expired");
      expect(source.current === null).toBe(onExpired === "close");
    }
  });

  it("takes nothing that was changed on the disk", async () => {
    await using directory = await scratchDirectory();
    {
      await using source = await openSource(site, directory.path, { keeps: ["document"] });
      await until(() => source.current !== null);
      await source.current?.document();
    }
    const [folder = ""] = await readdir(directory.path);
    const names = await readdir(join(directory.path, folder));
    const document = names.find((name) => name.startsWith("document-")) ?? "";
    const file = join(directory.path, folder, document);
    await writeFile(file, (await readFile(file, "utf8")).replace('"number":', '"NUMBER":'));
    await using relay = await startRelay("http", site.signet.url, site.token);
    await using source = await openSource(site, directory.path, { url: relay.url, transports: ["poll"] });
    const bytes = await source.current?.document();
    expect(sha256(bytes ?? "")).toBe(source.current?.documentDigest);
    expect([...source.status.refusalsByCode]).toEqual([["digest_mismatch", 1]]);
    expect(sha256(await readFile(file))).toBe(source.current?.documentDigest);
  });

  it("takes no document but the activation's", async () => {
    await using directory = await scratchDirectory();
    await using relay = await startRelay("http", site.signet.url, site.token);
    relay.attack = { document: (genuine) => genuine.replace('"number":', '"NUMBER":') };
    await using source = await openSource(site, directory.path, { url: relay.url, transports: ["sse"] });
    await until(() => source.current !== null);
    const pack = source.current;
    let isThere = false;
    const document = pack?.document().then((bytes) => {
      isThere = true;
      return bytes;
    });
    await until(() => (source.status.refusalsByCode.get("digest_mismatch") ?? 0) > 0);
    expect(isThere).toBe(false);
    relay.attack = null;
    expect(sha256((await document) ?? "")).toBe(pack?.documentDigest);
  });

  it("takes no document with other policies than the authors released, whatever the server signs", async () => {
    await using directory = await scratchDirectory();
    await using relay = await startRelay("http", site.signet.url, site.token);
    const evil = (genuine: string) => genuine.replace(/"policies":\{"number":/, '"policies":{"NUMBER":');
    const genuine = await site.servedTo("dev");
    const document = sha256(evil(String(await served("/v1/bundles/latest"))));
    const forged = await site.forged(genuine.attestation, { activation: { document } });
    relay.attack = { attestation: () => forged, document: evil };
    await using source = await openSource(site, directory.path, { url: relay.url, transports: ["sse"] });
    await until(() => source.current !== null);
    const pack = source.current;
    expect(pack?.documentDigest).toBe(document);
    await expect(pack?.document()).rejects.toMatchObject({ code: "mix_and_match" });
    await expect(pack?.policies()).rejects.toMatchObject({ code: "mix_and_match" });
  });

  it("ends the wait for a document when another activation takes its place, and when it is closed", async () => {
    await using directory = await scratchDirectory();
    await using relay = await startRelay("http", site.signet.url, site.token);
    relay.attack = { document: () => "{}" };
    const source = await openSource(site, directory.path, { url: relay.url, transports: ["sse"] });
    await until(() => source.current !== null);
    const first = source.current?.document();
    const cancelled = new AbortController();
    const second = source.current?.document(cancelled.signal);
    cancelled.abort();
    await expect(second).rejects.toMatchObject({ code: "cancelled" });
    const superseded = expect(first).rejects.toMatchObject({ code: "cancelled" });
    const sequence = await site.publish();
    await until(() => source.current?.sequence === sequence);
    await superseded;
    const closed = expect(source.current?.document()).rejects.toMatchObject({ code: "cancelled" });
    await source[Symbol.asyncDispose]();
    await closed;
  });

  it("tells the fleet view what it applied, or what its caller says", async () => {
    const states = async () => {
      const { orgId, admin } = site.signet;
      const { data } = await admin.runtimes.listRuntimes({ orgId, projectId: site.projectId, envName: "dev" });
      return new Map(data.map(({ instanceId, state, reason }) => [instanceId, `${state} ${reason ?? ""}`.trim()]));
    };
    await using directory = await scratchDirectory();
    await using self = await openSource(site, join(directory.path, "self"), { instanceId: "self" });
    await using caller = await openSource(site, join(directory.path, "caller"), {
      instanceId: "caller",
      reports: "caller",
    });
    await until(() => self.current !== null && caller.current !== null);
    while ((await states()).get("self") !== "applied");
    expect((await states()).get("caller")).toBe("connected");
    const { current } = caller;
    if (current === null) throw new Error("nothing is there");
    caller.report(current, { state: "rejected", reason: "nginx -t: exit code 1" });
    while ((await states()).get("caller") !== "rejected nginx -t: exit code 1");
    caller.report(current, { state: "applied" });
    while ((await states()).get("caller") !== "applied");
  });

  it("gives readers roots that are older than its own, and none above the newest", async () => {
    await using old = await Site.open();
    await using directory = await scratchDirectory();
    const first = await old.nextRoot();
    await old.publish();
    const pinned = await old.nextRoot();
    await using source = await openSource(old, directory.path);
    await until(() => source.current !== null);
    expect(await source.root(2)).toBe(first);
    expect(await source.root(3)).toBe(pinned);
    expect(await source.root(4)).toBeNull();
    const next = await old.nextRoot();
    await until(() => source.proof.rootVersion === 4);
    expect(await source.root(4)).toBe(next);
    await expect(openSource(old, "")).rejects.toThrow(TypeError);
  });
});

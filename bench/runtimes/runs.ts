import { cp, mkdtemp, rm, writeFile } from "node:fs/promises";
import { generateKeyPairSync } from "node:crypto";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { parsePublicKey } from "../../src/bundle/keys.js";
import type { BackoffOptions } from "../../src/sdk/index.js";
import { Fleet } from "./fleet.js";
import { ONLINE_KEY, onlineKeyIn, Site, type ServerStart } from "./site.js";
import { SwitchingProxy } from "./switching-proxy.js";

/** How large a run is. */
export interface RunSize {
  readonly runtimes: number;
  readonly backoff: BackoffOptions;
}

/** What runtimes did behind a proxy that cuts. */
export interface CutFigures {
  readonly cuts: number;
  readonly publishes: number;
  /** Connections to the proxy. */
  readonly connections: number;
  /** Lost or failed connections of one runtime: the mean, and the most. */
  readonly meanWaits: number;
  readonly mostWaits: number;
  /** Used heap after a collection, in MiB, at equal times; empty where it is not measured. */
  readonly heapMib: readonly number[];
  readonly refusals: number;
  /** From the last cut until all had the newest. */
  readonly allNewestMs: number;
}

/** How long a run takes, and what costs time itself. */
export interface CutRun {
  readonly seconds: number;
  readonly cutMs: number;
  readonly measuresHeap: boolean;
}

/** Runtimes behind a proxy that cuts all connections again and again, while something is published every tenth of the time. */
export async function cutAgainAndAgain(
  by: ServerStart,
  { runtimes, backoff }: RunSize,
  { seconds, cutMs, measuresHeap }: CutRun,
): Promise<CutFigures> {
  const directory = await mkdtemp(join(tmpdir(), "signet-runtimes-"));
  try {
    await using server = await by.start(directory);
    using site = new Site(server, by);
    const trust = { root: await site.publishRoot(1, [await onlineKeyIn(directory)]) };
    await using proxy = await SwitchingProxy.start(server.url);
    let newest = await site.publish();
    const [token, identity] = [await site.runtimeToken(), await site.identity()];
    await using fleet = await Fleet.open(runtimes, { url: proxy.url, token, trust, identity, backoff });
    const heapMib = measuresHeap ? [usedHeapMib()] : [];
    const figures = { cuts: 0, publishes: 0 };
    const steps = Math.round((seconds * 1_000) / cutMs);
    for (let step = 1; step <= steps; step += 1) {
      await sleep(cutMs);
      proxy.cut();
      figures.cuts += 1;
      if (step % Math.ceil(steps / 10) !== 0) continue;
      newest = await site.publish();
      figures.publishes += 1;
      if (measuresHeap) heapMib.push(usedHeapMib());
    }
    const from = performance.now();
    await fleet.allAt(newest);
    const { waits, mostWaits, refusals } = fleet;
    const { connections } = proxy;
    const allNewestMs = performance.now() - from;
    return { ...figures, connections, meanWaits: waits / runtimes, mostWaits, heapMib, refusals, allNewestMs };
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** What runtimes did under a change of the online keys. */
export interface RotationFigures {
  /** Runtimes that had each change, the least. */
  readonly reached: number;
  readonly refusals: number;
  /** From a publication until all had it, of the slowest. */
  readonly slowestMs: number;
  /** The sequences in their order. */
  readonly sequences: readonly number[];
}

/**
 * Online keys that change under connected runtimes, with an overlap: the next key is announced, root 2 lists both, the next key is
 * activated, root 3 lists it alone. Something is published after each step.
 */
export async function rotateWithOverlap(by: ServerStart, { runtimes, backoff }: RunSize): Promise<RotationFigures> {
  const directory = await mkdtemp(join(tmpdir(), "signet-runtimes-"));
  const run = new RotationRun();
  try {
    await using server = await by.start(directory);
    using site = new Site(server, by);
    const old = await onlineKeyIn(directory);
    const trust = { root: await site.publishRoot(1, [old]) };
    await site.publish();
    const [token, identity] = [await site.runtimeToken(), await site.identity()];
    await using fleet = await Fleet.open(runtimes, { url: server.url, token, trust, identity, backoff });
    await run.publish(site, fleet);
    const { next } = await site.admin.keys.rotateKey({ purpose: "attestation" });
    const nextKey = parsePublicKey(next?.publicKeyPem ?? "");
    await site.publishRoot(2, [old, nextKey]);
    await run.publish(site, fleet);
    await site.admin.keys.activateKey({ keyId: nextKey.keyId });
    await run.publish(site, fleet);
    await site.publishRoot(3, [nextKey]);
    await run.publish(site, fleet);
    await site.admin.keys.retireKey({ keyId: old.keyId });
    await run.publish(site, fleet);
    return run.figures(fleet);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/**
 * A seized server counts ahead; the site recovers from a copy of before with a new key alone, and publishes a root that no longer knows
 * the old one. All runtimes go back to the lower sequence.
 */
export async function recoverFromSeizure(by: ServerStart, { runtimes, backoff }: RunSize): Promise<RotationFigures> {
  const folder = await mkdtemp(join(tmpdir(), "signet-runtimes-"));
  const [seized, copy] = [join(folder, "seized"), join(folder, "copy")];
  const run = new RotationRun();
  try {
    let trust: { root: string };
    let token: string;
    {
      await using before = await by.start(seized);
      using site = new Site(before, by);
      trust = { root: await site.publishRoot(1, [await onlineKeyIn(seized)]) };
      await site.publish();
      token = await site.runtimeToken();
    }
    await cp(seized, copy, { recursive: true });
    const attacked = await by.start(seized);
    await using proxy = await SwitchingProxy.start(attacked.url);
    let fleet: Fleet;
    {
      using site = new Site(attacked, by);
      const identity = await site.identity();
      fleet = await Fleet.open(runtimes, { url: proxy.url, token, trust, identity, backoff });
      for (let number = 100; number < 105; number += 1) await run.publish(site, fleet, number);
    }
    await using _ = fleet;
    await attacked[Symbol.asyncDispose]();
    const next = generateKeyPairSync("ed25519");
    await writeFile(join(copy, ONLINE_KEY), next.privateKey.export({ type: "pkcs8", format: "pem" }));
    await using recovered = await by.start(copy);
    using site = new Site(recovered, by);
    await site.publishRoot(2, [await onlineKeyIn(copy)]);
    proxy.target = recovered.url;
    proxy.cut();
    await run.publish(site, fleet, 200);
    return run.figures(fleet);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

class RotationRun {
  readonly #sequences: number[] = [];
  #slowestMs = 0;
  #reached = Infinity;

  async publish(site: Site, fleet: Fleet, number?: number): Promise<void> {
    const from = performance.now();
    const sequence = await site.publish(number);
    await fleet.allAt(sequence);
    this.#sequences.push(sequence);
    this.#slowestMs = Math.max(this.#slowestMs, performance.now() - from);
    this.#reached = Math.min(this.#reached, fleet.countAt(sequence));
  }

  figures({ refusals }: Fleet): RotationFigures {
    return { reached: this.#reached, refusals, slowestMs: this.#slowestMs, sequences: this.#sequences };
  }
}

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

function usedHeapMib(): number {
  collect();
  return Math.round((process.memoryUsage().heapUsed / 1024 / 1024) * 10) / 10;
}

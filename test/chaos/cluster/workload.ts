import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { Bundle } from "../../../src/sdk/index.js";
import { createRandom, STAGES, type Acknowledged, type Stage, type Where } from "../work.js";
import { settle, type Call, type CallCounts, type Settled } from "./calls.js";
import type { ModelNode } from "./node.js";
import type { Credential, Watcher } from "./watcher.js";

/** A change that was acknowledged, and how to ask for it again. */
export type Change = Acknowledged & Pick<Settled<Bundle>, "again">;

/** Who calls whom. */
export interface Workload {
  readonly where: Where;
  readonly nodes: readonly ModelNode[];
  readonly counts: CallCounts;
  /** Aborts when calls without an answer are given up. */
  readonly givenUp: AbortSignal;
}

/** Publishes, promotes, activates and rolls back until the signal aborts; each change at a node by chance. */
export async function write(
  { where, nodes, counts, givenUp }: Workload,
  seed: number,
  pauseMs: number,
  changes: Change[],
  end: AbortSignal,
): Promise<void> {
  const random = createRandom(seed);
  const pick = () => nodes[random(nodes.length)] as ModelNode;
  for (let number = 0; !end.aborted; number += 1) {
    const stage = STAGES[random(3)] ?? "dev";
    const dice = random(10);
    const policies = JSON.stringify({ stage, writer: seed, number });
    const [kind, target, call] = changeBy(dice, where, stage, policies, 1 + random(20));
    const done = await settle(call, pick, counts, givenUp);
    if (done !== null) changes.push({ kind, stage: target, bundle: done.answer, again: done.again });
    await sleep(pauseMs / 2 + random(pauseMs));
  }
}

function changeBy(
  dice: number,
  where: Where,
  stage: Stage,
  policies: string,
  version: number,
): [Acknowledged["kind"], Stage, Call<Bundle>] {
  const target = { ...where, envName: stage };
  if (dice < 5) {
    return ["publish", stage, (client, headers) => client.bundles.publishBundle({ ...target, policies }, { headers })];
  }
  if (dice < 7) {
    return ["activate", stage, (client, headers) => client.bundles.activateBundle({ ...target, version }, { headers })];
  }
  if (dice < 8) {
    return ["activate", stage, (client, headers) => client.bundles.rollbackBundle(target, { headers })];
  }
  const [sourceEnv, to] = stage === "dev" ? (["dev", "staging"] as const) : (["staging", "prod"] as const);
  return ["promote", to, (client, headers) => client.bundles.promoteBundle({ ...where, sourceEnv }, { headers })];
}

/** What a node answered to a secret that was not valid any more. */
export interface Probe {
  readonly node: string;
  readonly credential: Credential;
  readonly atMs: number;
  readonly wasServed: boolean;
}

/** Revokes or rotates the token of a watcher by chance, asks every node with the old secret later, and goes on with another one. */
export async function endTokens(
  workload: Workload,
  watchers: readonly Watcher[],
  current: Map<Watcher, Credential>,
  probes: Probe[],
  { seed, pauseMs, end }: { readonly seed: number; readonly pauseMs: number; readonly end: AbortSignal },
): Promise<void> {
  const random = createRandom(seed);
  const { orgId } = workload.where;
  const { nodes, counts, givenUp } = workload;
  const pick = () => nodes[random(nodes.length)] as ModelNode;
  const probing: Promise<void>[] = [];
  while (!end.aborted) {
    await sleep(pauseMs / 2 + random(pauseMs));
    const watcher = watchers[random(watchers.length)] as Watcher;
    const credential = current.get(watcher);
    if (credential === undefined) continue;
    const { tokenId: keyId } = credential;
    const rotates = random(2) === 0;
    credential.endedBy = rotates ? "token.rotated" : "token.revoked";
    let rawKey: string | undefined;
    if (rotates) {
      const done = await settle((client) => client.tokens.rotateToken({ orgId, keyId }), pick, counts, givenUp);
      // A frozen node carries out a try that was given up when it goes on, and the secret of this one is over then.
      if (done?.tries === 1) rawKey = done.answer.rawKey;
    } else {
      await settle((client) => client.tokens.revokeToken({ orgId, keyId }), pick, counts, givenUp);
    }
    credential.endedAtMs = performance.now();
    probing.push(probe(nodes, credential, probes));
    void goOn(watcher, { tokenId: keyId, rawKey });
  }
  await Promise.all(probing);

  /** With the new secret, or a new token, as soon as the watch knows that the old one is over. */
  async function goOn(watcher: Watcher, { tokenId, rawKey }: { tokenId: number; rawKey: string | undefined }) {
    current.delete(watcher);
    const next = rawKey === undefined ? await newToken(workload, watcher.stage, pick) : { tokenId, rawKey };
    await watcher.ended;
    if (next === null) return;
    const credential: Credential = { ...next, endedAtMs: Infinity, endedBy: null };
    watcher.follow(credential);
    current.set(watcher, credential);
  }
}

/** When the old secret is tried: in the middle of the time that nodes have, at its end, and after it. */
const PROBE_AFTER_MS = [1_500, 3_500, 6_000, 12_000];

async function probe(nodes: readonly ModelNode[], credential: Credential, probes: Probe[]): Promise<void> {
  for (const afterMs of PROBE_AFTER_MS) {
    await sleep(Math.max(0, credential.endedAtMs + afterMs - performance.now()));
    await Promise.all(
      nodes.map(async (node) => {
        const atMs = performance.now();
        const answer = await fetch(`${node.url}/v1/bundles/latest`, {
          headers: { authorization: `Bearer ${credential.rawKey}` },
          signal: AbortSignal.timeout(2_000),
        }).catch(() => null);
        await answer?.text().catch(() => null);
        probes.push({ node: node.name, credential, atMs, wasServed: answer?.ok ?? false });
      }),
    );
  }
}

/** A runtime token of an environment; null when the call was given up. */
export async function newToken(
  { where, counts, givenUp }: Workload,
  stage: Stage,
  pick: () => ModelNode,
): Promise<Pick<Credential, "tokenId" | "rawKey"> | null> {
  const done = await settle(
    async (client) => {
      const { id: environmentId } = await client.organizations.getEnvironment({ ...where, envName: stage });
      // A try whose answer was lost may have made one of its name.
      return await client.tokens.createRuntimeToken({ ...where, environmentId, name: randomUUID() });
    },
    pick,
    counts,
    givenUp,
  );
  return done === null ? null : { tokenId: done.answer.id, rawKey: done.answer.rawKey ?? "" };
}

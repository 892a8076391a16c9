import { setTimeout as sleep } from "node:timers/promises";
import { watchBundle, type SignetClient, type WatchEvent } from "../../../src/sdk/index.js";
import type { Stage } from "../work.js";
import type { ModelNode } from "./node.js";

type Watch = SignetClient["runtimes"]["watchBundle"];

/** What was pushed over a stream. */
export interface Push {
  readonly sequence: number;
  readonly deploymentId: string;
  readonly policyHash: string;
  readonly atMs: number;
}

/** One stream from a node, opened with one secret of one token. */
export interface Stream {
  readonly node: string;
  readonly credential: Credential;
  readonly afterSequence: number;
  readonly openedAtMs: number;
  endedAtMs: number;
  readonly pushes: Push[];
}

/** A secret of a token, and when it was answered that it is not valid any more. */
export interface Credential {
  readonly tokenId: number;
  readonly rawKey: string;
  endedAtMs: number;
  /** How it ended, as the audit says it. */
  endedBy: "token.revoked" | "token.rotated" | null;
}

/** A runtime that follows an environment by the SDK, over whichever node takes it, with one token after the other. */
export class Watcher {
  readonly streams: Stream[] = [];
  /** As the SDK yielded them. */
  readonly sequences: number[] = [];
  readonly problems: string[] = [];
  reconnects = 0;
  #cursor = { afterSequence: 0, afterDeploymentId: "" };
  #stop = new AbortController();
  #watching: Promise<void> = Promise.resolve();
  #turn: number;

  constructor(
    readonly stage: Stage,
    private readonly at: number,
    private readonly nodes: readonly ModelNode[],
    private readonly trust: Pick<Parameters<typeof watchBundle>[1], "keys" | "expect">,
  ) {
    this.#turn = at;
  }

  get last(): number {
    return this.sequences.at(-1) ?? 0;
  }

  /** Watches from here on with this secret, and not with the one before. */
  follow(credential: Credential): void {
    this.#stop = new AbortController();
    this.#watching = this.#watch(credential, this.#stop.signal);
  }

  /** Resolves when the watch has ended: its token was refused, or it was stopped. */
  get ended(): Promise<void> {
    return this.#watching;
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#watching;
  }

  async #watch(credential: Credential, signal: AbortSignal): Promise<void> {
    const client = { runtimes: { watchBundle: this.#recording(credential) } } as unknown as SignetClient;
    const events = watchBundle(client, {
      ...{ ...this.trust, ...this.#cursor, signal, instanceId: `watcher-${this.at}` },
      backoff: { baseMs: 250, maxMs: 2_000, random: Math.random },
    });
    try {
      for await (const event of events) this.#note(event);
    } catch (thrown) {
      // What the server refuses for good.
      if (credential.endedBy === null) this.problems.push(`a watch ended: ${String(thrown)}`);
    }
  }

  #note(event: WatchEvent): void {
    if (event.type === "reconnecting") this.reconnects += 1;
    if (event.type === "rejected") this.problems.push(`${this.stage} ${event.sequence} rejected: ${event.message}`);
    if ("historyLost" in event && event.historyLost) {
      this.problems.push(`the history of ${this.stage} was lost after ${this.last}`);
    }
    if (event.type !== "activation") return;
    const { sequence: afterSequence, deploymentId: afterDeploymentId } = event.activation;
    if (afterSequence <= this.last) this.problems.push(`${this.stage} ${afterSequence} after ${this.last}`);
    this.sequences.push(afterSequence);
    this.#cursor = { afterSequence, afterDeploymentId };
  }

  /** Opens streams at the nodes in turn, and writes down what comes over them before the SDK sees it. */
  #recording(credential: Credential): Watch {
    const { nodes, streams, at } = this;
    const next = () => {
      const node = nodes[this.#turn % nodes.length];
      this.#turn += 1;
      if (node === undefined) throw new Error("no nodes");
      return node;
    };
    return async function* (request, options) {
      const node = next();
      const stream: Stream = {
        ...{ node: node.name, credential, afterSequence: request.afterSequence ?? 0 },
        ...{ openedAtMs: performance.now(), endedAtMs: Infinity, pushes: [] },
      };
      streams.push(stream);
      try {
        for await (const message of node.client(credential.rawKey, at).runtimes.watchBundle(request, options)) {
          if (message.event.case === "activation") {
            const { sequence, deploymentId, policyHash } = message.event.value;
            stream.pushes.push({ sequence, deploymentId, policyHash, atMs: performance.now() });
          }
          yield message;
        }
      } finally {
        stream.endedAtMs = performance.now();
      }
    };
  }
}

/** Resolves when all have this sequence of their environments, or the time is over; with those that have not. */
export async function untilReached(
  watchers: readonly Watcher[],
  sequences: ReadonlyMap<Stage, number>,
  withinMs: number,
): Promise<readonly Watcher[]> {
  const end = performance.now() + withinMs;
  const late = () => watchers.filter(({ last, stage }) => last !== sequences.get(stage));
  while (late().length > 0 && performance.now() < end) await sleep(20);
  return late();
}

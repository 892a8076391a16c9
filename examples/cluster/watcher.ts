import { createSignetClient, watchBundle, type PublicKey } from "../../src/sdk/index.js";
import { openNodeTransport, type NodeTransport } from "../../src/sdk/node-transport.js";

/** A runtime of the example: watches over gRPC, and comes back soon when it loses its stream. */
export class Watcher implements AsyncDisposable {
  /** The sequences that it verified, in the order in which they came. */
  readonly sequences: number[] = [];
  /** How often its stream was opened. */
  connections = 0;
  #refused: string | null = null;
  readonly #stop = new AbortController();
  readonly #connection: NodeTransport;
  readonly #done: Promise<void>;
  #wake = () => {};

  constructor(url: string, token: string, keys: readonly PublicKey[], name: string) {
    this.#connection = openNodeTransport({ url, timeoutMs: 10_000 });
    this.#done = this.#watch(createSignetClient({ transport: this.#connection.transport, token }), keys, name);
  }

  async #watch(client: ReturnType<typeof createSignetClient>, keys: readonly PublicKey[], name: string): Promise<void> {
    const { signal } = this.#stop;
    // A runtime waits up to 10 s, so that a large fleet does not return at once.
    const backoff = { baseMs: 500, maxMs: 2_000, random: Math.random };
    for await (const event of watchBundle(client, { keys, expect: {}, instanceId: name, signal, backoff })) {
      if (event.type === "connected") this.connections += 1;
      if (event.type === "activation") this.sequences.push(event.activation.sequence);
      if (event.type === "rejected") this.#refused ??= `${name} refused sequence ${event.sequence}: ${event.message}`;
      this.#wake();
    }
  }

  get newest(): number {
    return this.sequences.at(-1) ?? 0;
  }

  /** Whether a sequence came after one that is not below it. */
  get wentBack(): boolean {
    return this.sequences.some((sequence, index) => sequence <= (this.sequences[index - 1] ?? 0));
  }

  /** Resolves when it is so; it is asked after each event. Rejects when the watch ends, or a push was refused. */
  async until(isSo: (watcher: this) => boolean): Promise<void> {
    while (!isSo(this)) {
      if (this.#refused !== null) throw new Error(this.#refused);
      const woken = new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      await Promise.race([woken, this.#done.then(() => Promise.reject(new Error("a watch ended")))]);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#done.catch(() => undefined);
    this.#connection[Symbol.dispose]();
  }
}

import { closeSync, openSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { createSignetClient, type SignetClient } from "../../../src/sdk/index.js";
import { openNodeTransport, type NodeTransport } from "../../../src/sdk/node-transport.js";
import { ADMIN_TOKEN } from "../../support/server.js";
import { startServerProcess, type ServerProcess } from "../server-process.js";

/** Where a node runs. */
export interface NodePlace {
  readonly name: string;
  /** Of the node's log and data. */
  readonly directory: string;
  readonly settings: Readonly<Record<string, string>>;
  /** Where its clients find it. */
  readonly url: string;
  /** A command that runs the server's command elsewhere; empty for here. */
  readonly prefix: readonly string[];
}

/** Connections to a node that its clients share. */
const CONNECTIONS = 4;
const CALL_TIMEOUT_MS = 8_000;

/** One node of a cluster: the program in a process of its own, always at the same address. */
export class ModelNode implements AsyncDisposable {
  readonly #transports: readonly NodeTransport[];
  #process: ServerProcess | null = null;

  constructor(private readonly place: NodePlace) {
    this.#transports = Array.from({ length: CONNECTIONS }, () =>
      openNodeTransport({ url: place.url, timeoutMs: CALL_TIMEOUT_MS }),
    );
  }

  get name(): string {
    return this.place.name;
  }

  get url(): string {
    return this.place.url;
  }

  /** A client of it; `at` spreads clients over its connections. */
  client(token = ADMIN_TOKEN, at = 0): SignetClient {
    const transport = this.#transports[at % CONNECTIONS]?.transport;
    if (transport === undefined) throw new Error("no connection");
    return createSignetClient({ transport, token });
  }

  /** Resolves when it listens. */
  async start(): Promise<void> {
    const { directory, name, settings, prefix } = this.place;
    await mkdir(directory, { recursive: true });
    const log = openSync(join(directory, `${name}.log`), "a");
    const data = join(directory, name);
    const own = { SIGNET_NODE_NAME: name, SIGNET_LOG_LEVEL: "warn", ...settings };
    this.#process = await startServerProcess(data, own, log, prefix).finally(() => closeSync(log));
  }

  /** As a crash of the process. */
  async kill(): Promise<void> {
    await this.#process?.end("SIGKILL");
  }

  freeze(): void {
    this.#process?.child.kill("SIGSTOP");
  }

  thaw(): void {
    this.#process?.child.kill("SIGCONT");
  }

  /** Whether it says that it serves from a database that it reaches. */
  async isReady(): Promise<boolean> {
    try {
      const answer = await fetch(`${this.url}/readyz`, { signal: AbortSignal.timeout(1_000) });
      await answer.text();
      return answer.ok;
    } catch {
      return false;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const transport of this.#transports) transport[Symbol.dispose]();
    this.thaw();
    await this.kill();
  }
}

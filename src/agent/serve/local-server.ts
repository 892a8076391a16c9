import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { PackSource } from "../source/environment-pack.js";
import { agentMetrics, type CountedEnvironment } from "./agent-metrics.js";
import { EXPOSITION_TYPE, formatMetrics } from "./exposition.js";
import { isExpectedHost, isLocalAddress, type ListenAddress } from "./listen-address.js";
import { listenOn, nameOf, urlOf } from "./listening.js";
import { answer, answerJson, answerRefusal, Refusal } from "./local-answer.js";
import type { OutputsCounts } from "./output-metrics.js";
import { readerPath } from "./reader-request.js";
import { ReaderSlots } from "./reader-slots.js";
import { ServedEnvironment, type DecisionLogs } from "./served-environment.js";

/** An environment to serve. */
export interface EnvironmentToServe {
  /** Its path when there are several, and its name in metrics: `prod`, or `shop/prod` where two are called prod. */
  readonly label: string;
  readonly source: PackSource;
  /** Whether what stands behind the source, such as files, is there too. Default: it is. */
  readonly isReady?: () => boolean;
  /** What became of its files and commands, for the metrics. Default: it has none. */
  readonly outputs?: () => OutputsCounts;
}

/** How local readers are served. */
export interface LocalServerOptions {
  readonly listen: ListenAddress;
  readonly environments: readonly EnvironmentToServe[];
  /** `health`: `/healthz`, `/readyz` and `/metrics` alone, for probes that come from elsewhere. Default: `all`. */
  readonly serves?: "all" | "health";
  /** Whether an address that others reach is allowed too. Default: false. */
  readonly allowsRemote?: boolean;
  /** Names in Host headers that are answered, beside `localhost` and addresses. */
  readonly allowedHosts?: readonly string[];
  /** Watches and held polls at once. Default: 4,096. */
  readonly maxReaders?: number;
  /** Between signs of life on a watch, in milliseconds. Default: 15 s. */
  readonly heartbeatMs?: number;
  readonly decisionLogs?: DecisionLogs;
  /** Whose readers the metrics are of. Default: its own. */
  readonly counts?: () => ReaderCounts;
  /** Of the program, for the metrics. */
  readonly version?: string;
  /** Called with errors that no answer can carry. */
  readonly onError?: (error: unknown) => void;
}

/** What a server counts of its readers. */
export interface ReaderCounts {
  readonly environments: readonly CountedEnvironment[];
  readonly slots: ReaderSlots;
}

/** A server for local readers. Disposing of it ends their streams, and then their connections. */
export interface LocalServer extends AsyncDisposable {
  /** `http://127.0.0.1:7070`, or `unix:` and the path of the socket. */
  readonly url: string;
  /** Serves other environments from now on. Streams of those that stay go on; those of others end. */
  serve(environments: readonly EnvironmentToServe[]): void;
  /** What its readers cost until now. */
  counts(): ReaderCounts;
}

/** Short requests beside those that are held. */
const MORE_CONNECTIONS = 1_024;
const MAX_HEADER_BYTES = 16 * 1024;
/** Readers reconnect meanwhile; what is open then is cut. */
const STOP_MS = 1_000;

/**
 * Serves local readers what the sources of environments have: the paths of the server's API that runtimes call, health and metrics.
 *
 * @throws TypeError for an address that others reach, unless it is allowed; what listening fails with
 */
export async function startLocalServer(options: LocalServerOptions): Promise<LocalServer> {
  const { listen, allowsRemote = false, serves = "all", maxReaders = 4_096, heartbeatMs = 15_000 } = options;
  if (!allowsRemote && serves === "all" && !isLocalAddress(listen)) {
    throw new TypeError(`${nameOf(listen)} is reached by others, and readers need no token: allow it explicitly`);
  }
  const stop = new AbortController();
  const slots = new ReaderSlots(maxReaders);
  const agent = new LocalAgent(slots, options, stop.signal);
  agent.serve(options.environments);
  const server = createServer({ maxHeaderSize: MAX_HEADER_BYTES, requestTimeout: 30_000, headersTimeout: 10_000 });
  server.maxConnections = maxReaders + MORE_CONNECTIONS;
  server.on("request", (request, response) => {
    const gone = new AbortController();
    response.once("close", () => gone.abort());
    const signal = AbortSignal.any([stop.signal, gone.signal]);
    agent.answer(request, response, signal).catch((thrown: unknown) => {
      const isRefusal = thrown instanceof Refusal;
      if (!isRefusal && !gone.signal.aborted) options.onError?.(thrown);
      answerRefusal(request, response, isRefusal ? thrown : new Refusal(500, null, "internal error"));
    });
  });
  await listenOn(server, listen);
  const beats = setInterval(() => agent.beat(), heartbeatMs);
  beats.unref();
  return {
    url: urlOf(server, listen),
    serve: (environments) => agent.serve(environments),
    counts: () => agent.counts(),
    async [Symbol.asyncDispose]() {
      clearInterval(beats);
      stop.abort();
      agent.serve([]);
      const closed = new Promise((resolve) => server.close(resolve));
      const cut = setTimeout(() => server.closeAllConnections(), STOP_MS);
      server.closeIdleConnections();
      await closed;
      clearTimeout(cut);
    },
  };
}

interface Environment extends EnvironmentToServe {
  readonly served: ServedEnvironment;
}

class LocalAgent {
  readonly #hosts: ReadonlySet<string>;
  #environments: readonly Environment[] = [];

  constructor(
    private readonly slots: ReaderSlots,
    private readonly options: LocalServerOptions,
    private readonly stop: AbortSignal,
  ) {
    this.#hosts = new Set((options.allowedHosts ?? []).map((name) => name.toLowerCase()));
  }

  serve(wanted: readonly EnvironmentToServe[]): void {
    const before = this.#environments;
    const settings = { stop: this.stop, decisionLogs: this.options.decisionLogs ?? "count" } as const;
    this.#environments = wanted.map((one) => {
      const same = before.find(({ label, source }) => label === one.label && source === one.source);
      return { ...one, served: same?.served ?? new ServedEnvironment(one.label, one.source, this.slots, settings) };
    });
    const kept = new Set(this.#environments.map(({ served }) => served));
    for (const { served } of before) if (!kept.has(served)) served[Symbol.dispose]();
  }

  counts(): ReaderCounts {
    const environments = this.#environments.map(({ outputs, served }) => {
      const { view, reports, requests, decisions } = served;
      return { view, reports, requests, decisions, outputs: outputs?.() ?? null };
    });
    return { environments, slots: this.slots };
  }

  beat(): void {
    for (const { served } of this.#environments) served.beat();
  }

  async answer(request: IncomingMessage, response: ServerResponse, signal: AbortSignal): Promise<void> {
    this.#requireLocalReader(request);
    const { path, query } = readerPath(request.url);
    if (this.#answerHealth(path, request, response)) return;
    const [environment, rest] = this.options.serves === "health" ? [] : this.#environmentOf(path);
    const isAnswered = await environment?.served.answer({ request, response, signal, query, path: rest ?? path });
    if (isAnswered !== true) throw new Refusal(404, null, this.#hint());
  }

  /** Pages of the web reach this machine by its browser: they send an Origin, or their own name as the host. */
  #requireLocalReader({ headers }: IncomingMessage): void {
    if ("socket" in this.options.listen) return;
    if (headers.origin !== undefined) throw new Refusal(403, "origin", "the agent answers no pages of the web");
    if (!isExpectedHost(headers.host, this.#hosts)) {
      throw new Refusal(
        421,
        "host",
        "the agent is not called so: use localhost, its address, or a name that it allows",
      );
    }
  }

  #environmentOf(path: string): readonly [] | readonly [Environment | undefined, string] {
    const [only] = this.#environments;
    if (this.#environments.length === 1 && path.startsWith("/v1/")) return [only, path];
    const found = this.#environments.find(({ label }) => path.startsWith(`/${label}/v1/`));
    return found === undefined ? [] : [found, path.slice(found.label.length + 1)];
  }

  #hint(): string {
    const paths = this.#environments.map(({ label }) => `/${label}/v1/…`).join(", ");
    return this.#environments.length === 1 ? "no such path" : `no such path: each environment has its own, ${paths}`;
  }

  #answerHealth(path: string, request: IncomingMessage, response: ServerResponse): boolean {
    if (!["/healthz", "/readyz", "/metrics"].includes(path)) return false;
    if (request.method !== "GET" && request.method !== "HEAD") {
      throw new Refusal(405, null, "use GET, HEAD", { Allow: "GET, HEAD" });
    }
    if (path === "/metrics") {
      const version = this.options.version ?? "unknown";
      const { environments, slots } = this.options.counts?.() ?? this.counts();
      const metrics = agentMetrics(environments, slots, { version });
      answer(request, response, 200, { "Content-Type": EXPOSITION_TYPE }, formatMetrics(metrics));
      return true;
    }
    const environments = this.#environments.map(({ label, isReady = () => true, served: { view } }) => {
      const { state, sequence, provenUntil, transport, refusal } = view.source.status;
      return {
        environment: label,
        ready: view.pack !== null && isReady(),
        ...{ state, sequence, proven_until: provenUntil, connected: transport !== null },
        refusal: refusal === null ? null : { code: refusal.code, message: refusal.message, at: refusal.at },
      };
    });
    const isGood = path === "/healthz" || environments.every(({ ready }) => ready);
    answerJson(request, response, isGood ? 200 : 503, { status: isGood ? "ok" : "not_ready", environments });
    return true;
  }
}

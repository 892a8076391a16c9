import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

/** The flag that readers evaluate. */
export const FLAG = "new-checkout";

/** What a reader says of the flag: null while it has no flags, "absent" when it took a set of flags without it. */
export type Value = boolean | null | "absent";

/** A program of flagd's project that evaluates the flag. */
export interface Reader extends AsyncDisposable {
  /** Its newest value. */
  readonly value: Value;
  /** Resolves when its value is this one, with the time of performance.now(). Rejects after `timeoutMs`. */
  becomes(value: Value, timeoutMs: number): Promise<number>;
}

/** How to start a reader of a server; null where its program is not there. */
export interface ReaderKind {
  readonly name: string;
  start(url: string, token: string): Promise<Reader>;
}

class Values {
  value: Value = null;
  readonly #waiting = new Set<() => void>();

  take(value: Value): void {
    if (value === this.value) return;
    this.value = value;
    for (const wake of this.#waiting) wake();
  }

  async becomes(value: Value, timeoutMs: number): Promise<number> {
    const end = performance.now() + timeoutMs;
    while (this.value !== value) {
      const left = end - performance.now();
      if (left <= 0) throw new Error(`the flag is ${this.value} and not ${value} after ${timeoutMs} ms`);
      await new Promise<void>((resolve) => {
        const wake = () => {
          clearTimeout(timer);
          this.#waiting.delete(wake);
          resolve();
        };
        const timer = setTimeout(wake, left);
        this.#waiting.add(wake);
      });
    }
    return performance.now();
  }
}

/** flagd's provider for Python, which takes the part of flagd in the program that evaluates. */
export function pythonProvider(python: string): ReaderKind {
  return {
    name: "the provider for Python, over gRPC",
    async start(url, token) {
      const values = new Values();
      // The script stands beside the source of this file.
      const script = fileURLToPath(new URL("../../../conformance/flagd/provider.py", import.meta.url));
      const child = spawn(python, [script, new URL(url).port, FLAG], { stdio: ["pipe", "pipe", "inherit"] });
      child.stdin.end(`${token}\n`);
      createInterface(child.stdout).on("line", (line) => values.take(JSON.parse(line) as Value));
      await once(child, "spawn");
      return readerOf(values, () => stop(child));
    },
  };
}

/**
 * flagd's own syncs and evaluator (its Go module core) in the program of conformance/flagd/core. It is started again when it ends, as
 * whatever runs flagd starts that again: an HTTP sync whose first request fails ends both.
 */
export function flagdCore(binary: string, sync: "grpc" | "http"): ReaderKind {
  return {
    name: `flagd's own core, over ${sync}`,
    start(url, token) {
      const values = new Values();
      const end = supervise(() => {
        const child = spawn(binary, [sync, url, FLAG], { stdio: ["pipe", "pipe", "ignore"] });
        child.stdin.end(`${token}\n`);
        createInterface(child.stdout).on("line", (line) => values.take(JSON.parse(line) as Value));
        return child;
      });
      return Promise.resolve(readerOf(values, end));
    },
  };
}

/** flagd itself with a source of flags. It is started again when it ends: its HTTP sync ends it when the first request fails. */
export function daemon(
  binary: string,
  name: string,
  sourceOf: (url: URL, token: string) => Readonly<Record<string, unknown>>,
): ReaderKind {
  return {
    name,
    async start(url, token) {
      const values = new Values();
      const [port, management, ofrep, sync, http] = await freePorts(5);
      const args = ["start", "--port", `${port}`, "--management-port", `${management}`, "--ofrep-port", `${ofrep}`];
      const source = JSON.stringify([sourceOf(new URL(url), token)]);
      // Not among the arguments, which every account of the machine may read.
      const env = {
        ...process.env,
        FLAGD_SOURCES: source,
        FLAGD_SYNC_PORT: `${sync}`,
        FLAGD_SYNC_HTTP_PORT: `${http}`,
      };
      const endChild = supervise(() => spawn(binary, args, { env, stdio: "ignore" }));
      const over = new AbortController();
      const evaluate = async () => {
        while (!over.signal.aborted) {
          values.take(await evaluated(ofrep ?? 0));
          await new Promise((resolve) => setTimeout(resolve, 10));
        }
      };
      void evaluate();
      return readerOf(values, async () => {
        over.abort();
        await endChild();
      });
    },
  };
}

/** Starts a program, and again half a second after each end of it, until the function that it returns is called. */
function supervise(start: () => ChildProcess): () => Promise<void> {
  const over = new AbortController();
  let child: ChildProcess | null = null;
  const run = async () => {
    while (!over.signal.aborted) {
      child = start();
      await once(child, "exit");
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
  };
  void run();
  return async () => {
    over.abort();
    if (child !== null) await stop(child);
  };
}

/** By OFREP, flagd's own HTTP API of evaluations. */
async function evaluated(port: number): Promise<Value> {
  try {
    const answer = await fetch(`http://127.0.0.1:${port}/ofrep/v1/evaluate/flags/${FLAG}`, {
      ...{ method: "POST", headers: { "content-type": "application/json" }, body: '{"context":{}}' },
    });
    const { value } = (await answer.json()) as { readonly value?: unknown };
    return typeof value === "boolean" ? value : null;
  } catch {
    return null;
  }
}

function readerOf(values: Values, end: () => Promise<void>): Reader {
  return {
    get value() {
      return values.value;
    },
    becomes: (value, timeoutMs) => values.becomes(value, timeoutMs),
    [Symbol.asyncDispose]: end,
  };
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, "exit");
  child.kill("SIGKILL");
  await ended;
}

async function freePorts(count: number): Promise<readonly number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer().listen(0, "127.0.0.1");
      await once(server, "listening");
      return server;
    }),
  );
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  for (const server of servers) server.close();
  return ports;
}

/**
 * A Signet server in a process of its own, so that its CPU time and the load of its clients are told apart. Run with the
 * data directory as its argument.
 */
import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync } from "node:fs";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { loadConfig, type LogLevel } from "../src/config/config.js";
import { startServer } from "../src/server/server.js";
import { serveWithoutProofs, WITHOUT_PROOFS } from "./without-proofs.js";

export const BENCH_TOKEN = "bench-admin-token-0123456789";

interface Started {
  readonly url: string;
  readonly startMs: number;
  readonly metricsUrl: string | null;
  readonly firstStart: { readonly orgId: string; readonly projectId: string } | null;
}

/** What the server's process used since it was asked last. */
export interface Usage {
  readonly cpuMs: number;
  /** The longest time that its event loop was held up. */
  readonly longestBlockMs: number;
}

export class SignetProcess implements AsyncDisposable {
  private constructor(
    readonly started: Started,
    private readonly child: ChildProcess,
  ) {}

  /**
   * The log goes to a file, as it would under a supervisor. With CPU_PROF in the environment the server writes its CPU profile to that
   * directory when it ends. `heapMib` null is the heap that V8 chooses; `settings` are environment variables on top of the benchmark's.
   */
  static async start(
    directory: string,
    logLevel: LogLevel = "silent",
    heapMib: number | null = null,
    settings: Readonly<Record<string, string>> = {},
  ): Promise<SignetProcess> {
    const profiles = process.env["CPU_PROF"];
    const execArgv = profiles === undefined ? [] : ["--cpu-prof", "--cpu-prof-dir", profiles];
    if (heapMib !== null) execArgv.push(`--max-old-space-size=${heapMib}`);
    const log = openSync(join(directory, "bench-server.log"), "a");
    const env = { ...process.env, SIGNET_LOG_LEVEL: logLevel, BENCH_SETTINGS: JSON.stringify(settings) };
    const stdio = ["ignore", "inherit", logLevel === "silent" ? "inherit" : log, "ipc"] as const;
    const child = fork(fileURLToPath(import.meta.url), [directory], { execArgv, env, stdio: [...stdio] });
    closeSync(log);
    const [started] = (await Promise.race([
      once(child, "message"),
      once(child, "exit").then(() => Promise.reject(new Error("the server did not start"))),
    ])) as [Started];
    return new SignetProcess(started, child);
  }

  get pid(): number {
    return this.child.pid ?? NaN;
  }

  async usage(): Promise<Usage> {
    const told = once(this.child, "message") as Promise<[Usage]>;
    this.child.send("usage");
    return (await told)[0];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // One that was attacked may be gone.
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const gone = once(this.child, "exit");
    this.child.disconnect();
    await gone;
  }
}

async function serve(directory: string): Promise<void> {
  const from = performance.now();
  const settings = JSON.parse(process.env["BENCH_SETTINGS"] ?? "{}") as Record<string, string>;
  const config = loadConfig({
    SIGNET_PORT: "0",
    SIGNET_DATA: directory,
    SIGNET_ADMIN_TOKEN: BENCH_TOKEN,
    SIGNET_RATE_LIMIT: "0",
    SIGNET_METRICS_ADDRESS: "127.0.0.1:0",
    SIGNET_SHUTDOWN_GRACE_MS: "1000",
    SIGNET_LOG_LEVEL: process.env["SIGNET_LOG_LEVEL"],
    ...settings,
  });
  if (settings[WITHOUT_PROOFS] !== undefined) serveWithoutProofs();
  const server = await startServer(config);
  const startMs = performance.now() - from;
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  let before = process.cpuUsage();
  process.on("message", () => {
    const { user, system } = process.cpuUsage(before);
    before = process.cpuUsage();
    process.send?.({ cpuMs: (user + system) / 1000, longestBlockMs: delay.max / 1e6 } satisfies Usage);
    delay.reset();
  });
  process.on("disconnect", () => void server[Symbol.asyncDispose]().then(() => process.exit()));
  const { url, metricsUrl, firstStart } = server;
  process.send?.({ url, metricsUrl, startMs, firstStart } satisfies Started);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await serve(process.argv[2] ?? "");

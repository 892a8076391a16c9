import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { leaveWatchdog } from "../../tools/postgres/watchdog.js";

/** What all nodes have in common. */
export interface ClusterSettings {
  readonly SIGNET_DATABASE_URL: string;
  readonly SIGNET_KEY_SECRET: string;
  readonly SIGNET_ADMIN_TOKEN_FILE: string;
}

/** One node: `signet serve` in a process of its own, on a free port. It ends with this process at the latest, however that ends. */
export class NodeProcess implements AsyncDisposable {
  private constructor(
    readonly name: string,
    readonly url: string,
    private readonly child: ChildProcess,
    private readonly ended: Promise<unknown>,
  ) {}

  /**
   * Starts one, and waits until it listens. Its log and data directory are in `directory`.
   *
   * @param program arguments of Node that start Signet
   * @throws Error with its log when it ends instead
   */
  static async start(
    name: string,
    directory: string,
    program: readonly string[],
    settings: ClusterSettings,
  ): Promise<NodeProcess> {
    const logFile = join(directory, `${name}.log`);
    const log = openSync(logFile, "a", 0o600);
    const child = spawn(process.execPath, [...program, "serve"], {
      // In a process group of its own: Ctrl-C ends the example, which ends the nodes in order.
      detached: true,
      stdio: ["ignore", "pipe", log],
      env: {
        PATH: process.env["PATH"],
        ...settings,
        SIGNET_NODE_NAME: name,
        SIGNET_DATA: join(directory, name),
        SIGNET_PORT: "0",
        SIGNET_LOG_LEVEL: "warn",
      },
    });
    closeSync(log);
    const watchdog = leaveWatchdog('kill -KILL "$1"', String(child.pid));
    const ended = once(child, "exit").finally(() => watchdog.dismiss());
    const url = await listening(child);
    if (url === null) throw new Error(`${name} ended early:\n${readFileSync(logFile, "utf8")}`);
    return new NodeProcess(name, url, child, ended);
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  get port(): number {
    return Number(new URL(this.url).port);
  }

  /** Ends it at once, as a crash does. */
  async kill(): Promise<void> {
    this.child.kill("SIGKILL");
    await this.ended;
  }

  /** Ends it in order. It may have ended before. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.child.kill("SIGTERM");
    await this.ended;
  }
}

/** The URL that it prints; null when it ends without. */
async function listening({ stdout }: ChildProcess): Promise<string | null> {
  if (stdout === null) return null;
  for await (const line of createInterface({ input: stdout })) {
    const [, url] = /listening on (\S+)/.exec(line) ?? [];
    if (url !== undefined) return url;
  }
  return null;
}

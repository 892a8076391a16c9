import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { closeSync, existsSync, openSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import type { Owner } from "./owner.js";

/** What is needed to start a server on a data directory. */
export interface PostgresCommand {
  readonly postgres: string;
  readonly dataDirectory: string;
  readonly logFile: string;
  readonly owner: Owner | null;
  /** Settings of postgresql.conf, given on the command line. */
  readonly settings: Readonly<Record<string, string>>;
}

const START_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 20_000;

/** The processes of a PostgreSQL server: started, ended, frozen. */
export class PostgresProcess {
  private child: ChildProcess | null = null;
  private frozen = false;

  constructor(private readonly command: PostgresCommand) {}

  /**
   * Starts the server and waits until it accepts connections, on a standby read-only ones.
   *
   * @throws Error with the end of the server's log where it ends before.
   */
  async start(): Promise<void> {
    if (this.child !== null) return;
    const { postgres, dataDirectory, logFile, owner, settings } = this.command;
    const argv = Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
    const log = openSync(logFile, "a");
    const child = spawn(postgres, ["-D", dataDirectory, ...argv], {
      cwd: dataDirectory,
      env: serverEnvironment(),
      // In a process group of its own, so that Ctrl-C does not end it before those who use it.
      detached: true,
      stdio: ["ignore", log, log],
      ...owner,
    });
    closeSync(log);
    this.child = child;
    child.once("exit", () => {
      this.child = null;
      this.frozen = false;
    });
    const failed = new Promise<never>((_, reject) => child.once("error", reject));
    failed.catch(() => undefined);
    const deadline = performance.now() + START_TIMEOUT_MS;
    while (!this.isReady(child)) {
      if (child.exitCode !== null || child.signalCode !== null) throw new Error(`PostgreSQL ended:\n${this.logEnd()}`);
      if (performance.now() > deadline) throw new Error(`PostgreSQL did not get ready:\n${this.logEnd()}`);
      await Promise.race([wait(10), failed]);
    }
  }

  /** `fast` ends the sessions and writes a checkpoint; `immediate` is a crash, after which the server recovers at its next start. */
  async stop(how: "fast" | "immediate"): Promise<void> {
    const { child } = this;
    if (child === null) return;
    this.resume();
    const ended = new Promise<true>((resolve) => child.once("exit", () => resolve(true)));
    child.kill(how === "fast" ? "SIGINT" : "SIGQUIT");
    using timer = createTimer(STOP_TIMEOUT_MS);
    if (await Promise.race([ended, timer.elapsed])) return;
    for (const pid of this.pids()) signal(pid, "SIGKILL");
    await ended;
  }

  /** SIGSTOP to all processes: connections stay open, nothing is answered. */
  pause(): void {
    this.frozen = true;
    // New ones cannot come after the first round, in which the parent of all is stopped.
    for (let round = 0; round < 2; round++) for (const pid of this.pids()) signal(pid, "SIGSTOP");
  }

  /** Ends a pause. */
  resume(): void {
    if (!this.frozen) return;
    this.frozen = false;
    for (const pid of this.pids().toReversed()) signal(pid, "SIGCONT");
  }

  /** All processes of the server, the parent of the others first; none where it does not run. */
  pids(): readonly number[] {
    const parent = this.child?.pid;
    return parent === undefined ? [] : [parent, ...childrenOf(parent)];
  }

  /** The last lines of the log. */
  logEnd(): string {
    const { logFile } = this.command;
    return existsSync(logFile) ? readFileSync(logFile, "utf8").split("\n").slice(-30).join("\n") : "";
  }

  /** What `pg_ctl --wait` looks at: the eighth line of postmaster.pid, of this process and not of one before. */
  private isReady(child: ChildProcess): boolean {
    const file = join(this.command.dataDirectory, "postmaster.pid");
    if (!existsSync(file)) return false;
    const lines = readFileSync(file, "utf8").split("\n");
    return Number(lines[0]) === child.pid && lines[7]?.trim() === "ready";
  }
}

/** No variable of the caller's, such as PGDATA, changes the server; messages are English, as code compares them. */
export function serverEnvironment(): Record<string, string> {
  return { PATH: process.env["PATH"] ?? "/usr/bin:/bin", LC_ALL: "C", TZ: "UTC" };
}

function createTimer(timeoutMs: number): Disposable & { readonly elapsed: Promise<false> } {
  const controller = new AbortController();
  const elapsed = wait(timeoutMs, false as const, { signal: controller.signal });
  elapsed.catch(() => undefined);
  return { elapsed, [Symbol.dispose]: () => controller.abort() };
}

/** Signals a process that may have ended. */
function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

/** By /proc, and by `ps` where there is none. */
function childrenOf(parent: number): readonly number[] {
  if (!existsSync("/proc/self/stat")) {
    const table = execFileSync("ps", ["-A", "-o", "pid=,ppid="], { encoding: "utf8" });
    return [...table.matchAll(/(\d+) +(\d+)/g)]
      .filter(([, , of]) => Number(of) === parent)
      .map(([, pid]) => Number(pid));
  }
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .filter((name) => {
      try {
        // "pid (name) state parent …"; the name may hold anything.
        return Number(/.*\) \S (\d+) /s.exec(readFileSync(`/proc/${name}/stat`, "utf8"))?.[1]) === parent;
      } catch {
        return false; // It has ended.
      }
    })
    .map(Number);
}

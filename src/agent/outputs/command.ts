import { spawn, type ChildProcess } from "node:child_process";
import { waitFor } from "../../core/schedule/wait.js";
import { printable } from "../../core/printable.js";
import { CommandOutput } from "./command-output.js";
import { systemReason } from "../../sdk/runtime/node/node-files.js";

/** A command of the configuration. */
export interface CommandRule {
  /** The program and its arguments; a text of the configuration is `["/bin/sh", "-c", text]`. */
  readonly argv: readonly [string, ...string[]];
  /** As it is written in the configuration, for messages. */
  readonly shown: string;
  /** After this it is ended, with all of its process group. */
  readonly timeoutMs: number;
}

/** How a command ended. */
export interface CommandResult {
  readonly isOk: boolean;
  /** The agent was stopped before it ended: nothing is known of what it did. */
  readonly isInterrupted: boolean;
  /** Why it failed, behind a name: `ended with exit code 1: ` and the last lines of its output; empty when it did not. */
  readonly reason: string;
}

/** How a command is run. */
export interface RunOptions {
  readonly environment: Readonly<Record<string, string>>;
  /** Ends it after a grace time. */
  readonly signal: AbortSignal;
  /** Is given each line of its output, invisible characters escaped, up to a limit. */
  readonly onLine: (line: string) => void;
}

/** For a command that is running when the agent is stopped, and between SIGTERM and SIGKILL. */
const GRACE_MS = 5_000;

/** For output that is on its way when the command has ended. A process that it left behind may keep the pipe for ever. */
const DRAIN_MS = 500;

/**
 * Runs a command in a process group of its own, without standard input. Never rejects. What it leaves running in the background stays,
 * unless its time was over.
 */
export async function runCommand(rule: CommandRule, options: RunOptions): Promise<CommandResult> {
  const [program, ...args] = rule.argv;
  const output = new CommandOutput(options.onLine);
  const child = spawn(program, args, {
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...options.environment },
  });
  const closed = new Promise<void>((resolve) => child.on("close", () => resolve()));
  child.stdout.on("data", (bytes: Buffer) => output.take(bytes));
  child.stderr.on("data", (bytes: Buffer) => output.take(bytes));
  const ended = new Promise<Ended>((resolve) => {
    child.on("error", (error) => resolve({ exitCode: null, signal: null, error }));
    child.on("exit", (exitCode, signal) => resolve({ exitCode, signal, error: null }));
  });
  const cut = await endedOrCut(child, ended, rule.timeoutMs, options.signal);
  const how = await ended;
  await waitFor(closed, DRAIN_MS);
  child.stdout.destroy();
  child.stderr.destroy();
  output.end();
  if (cut === null && how.exitCode === 0) return { isOk: true, isInterrupted: false, reason: "" };
  return { isOk: false, isInterrupted: cut === "stop", reason: reasonOf(rule, how, cut, output.lastLines) };
}

interface Ended {
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  /** It could not be started. */
  readonly error: Error | null;
}

/** Waits for the end, or brings it about: after the time, or a while after the signal. Returns which it was; null: the command's own. */
async function endedOrCut(
  child: ChildProcess,
  ended: Promise<Ended>,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<"timeout" | "stop" | null> {
  const inTime = await waitFor(ended, timeoutMs, [signal]).catch(() => "stop" as const);
  if (inTime === true) return null;
  if (inTime === "stop" && (await waitFor(ended, GRACE_MS))) return null;
  toGroup(child, "SIGTERM");
  await waitFor(ended, GRACE_MS);
  // Of the whole group also when its leader has ended.
  toGroup(child, "SIGKILL");
  return inTime === "stop" ? "stop" : "timeout";
}

function toGroup({ pid }: ChildProcess, signal: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, signal);
  } catch {
    // None of the group is left.
  }
}

/** Without the command's text, which may hold what is not for the fleet view. */
function reasonOf(
  { argv: [program], timeoutMs }: CommandRule,
  { exitCode, signal, error }: Ended,
  cut: "timeout" | "stop" | null,
  lines: readonly string[],
): string {
  const said = lines.length === 0 ? "" : `: ${lines.join(" | ")}`;
  if (error !== null) return `cannot start ${printable(program)}: ${systemReason(error)}`;
  if (cut === "timeout") return `did not end within ${timeoutMs / 1000} s${said}`;
  if (cut === "stop") return `was interrupted${said}`;
  return `ended with ${signal === null ? `exit code ${exitCode}` : signal}${said}`;
}

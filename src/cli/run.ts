import { CommanderError } from "commander";
import { buildProgram } from "./program.js";
import { UsageError } from "./shell/cli-error.js";
import { formatError } from "./shell/error-report.js";
import { hintFor } from "./shell/error-hint.js";
import { EXIT_CODES, exitCodeOf } from "./shell/exit-codes.js";
import type { Io } from "./shell/io.js";
import { Shell } from "./shell/shell.js";

/** Runs one command and resolves with its exit code. Never rejects; whatever went wrong stands on standard error, once. */
export async function runCli(io: Io): Promise<number> {
  // Looked for here too, because the command line may be wrong before its options are read.
  const shell = new Shell(io, io.argv.includes("--json"));
  try {
    await buildProgram(shell).parseAsync([...io.argv], { from: "user" });
    return shell.exitCode ?? interruption(io.signal) ?? EXIT_CODES.ok;
  } catch (thrown) {
    const interrupted = interruption(io.signal);
    if (interrupted !== undefined) return interrupted;
    const error = thrown instanceof CommanderError ? usageOf(thrown) : thrown;
    if (error === undefined) return EXIT_CODES.ok;
    io.err(formatError(error, shell.json, hintFor(error, shell.called)));
    return exitCodeOf(error);
  }
}

function interruption(signal: AbortSignal): number | undefined {
  return signal.aborted ? Number(signal.reason) : undefined;
}

/** What commander found; undefined when it was asked for help or the version, and has answered. */
function usageOf({ exitCode, code, message }: CommanderError): UsageError | undefined {
  if (exitCode === 0) return undefined;
  if (code === "commander.help") return new UsageError("name a command; `signet help` lists them");
  return new UsageError(message.replace(/^error: /, ""));
}

import { CommanderError } from "commander";
import { fixedLimitOfFlag } from "../config/fixed-limits.js";
import { COMPLETE } from "./completion/complete-names.js";
import { buildProgram } from "./program.js";
import { InterruptedError, UsageError } from "./shell/cli-error.js";
import { formatError } from "./shell/error-report.js";
import { EXIT_CODES, exitCodeOf } from "./shell/exit-codes.js";
import type { Io } from "./shell/io.js";
import { Shell } from "./shell/shell.js";

/** Runs a command and resolves with its exit code. Never rejects; an error is written to standard error, once. */
export async function runCli(io: Io): Promise<number> {
  // Searched here, because an error in the command line may come before its options are parsed.
  const shell = new Shell(io, io.argv.includes("--json"));
  try {
    await buildProgram(shell).parseAsync([...io.argv], { from: "user" });
    return shell.exitCode ?? interruption(io.signal) ?? EXIT_CODES.ok;
  } catch (thrown) {
    const interrupted = interruption(io.signal);
    if (interrupted !== undefined) return interrupted;
    if (thrown instanceof InterruptedError) return EXIT_CODES.interrupted;
    const error = thrown instanceof CommanderError ? usageOf(thrown) : thrown;
    // A completion that fails must not write into the line that a person is typing.
    if (error === undefined || io.argv[0] === COMPLETE) return EXIT_CODES.ok;
    io.err(formatError(error, shell.json, shell.called));
    return exitCodeOf(error);
  }
}

function interruption(signal: AbortSignal): number | undefined {
  return signal.aborted ? Number(signal.reason) : undefined;
}

/** The usage error that commander found; undefined when it printed help or the version. */
function usageOf({ exitCode, code, message }: CommanderError): UsageError | undefined {
  if (exitCode === 0) return undefined;
  if (code === "commander.help") return new UsageError("no command given: signet help lists them");
  const [, flag = ""] = /^error: unknown option '(--[a-z-]+)/.exec(message) ?? [];
  const fixed = fixedLimitOfFlag(flag);
  if (fixed !== undefined)
    return new UsageError(`${flag} is no setting any more, the limit is fixed at ${fixed}: remove it`);
  // Commander puts its suggestion on a line of its own.
  return new UsageError(message.replace(/^error: /, "").replace("\n(Did you mean", " (did you mean"));
}

import { pino, stdTimeFunctions, type DestinationStream, type Logger } from "pino";
import { printableLines } from "../core/printable.js";
import type { LogLevel } from "../config/config.js";
import { standardErrorDestination } from "./log-destination.js";

/** One for the process, which has one standard error and one count of dropped lines. */
const standardError = standardErrorDestination();

/** Structured logs, one JSON object a line, to standard error. Nothing that could hold a secret is logged. */
export function createLogger(level: LogLevel, destination: DestinationStream = standardError): Logger {
  // Paths, agents, header values and reasons come from callers, and JSON does not escape C1 and bidi controls.
  const hooks = { streamWrite: printableLines };
  const options = { level, base: null, timestamp: stdTimeFunctions.isoTime, hooks };
  return pino(options, destination);
}

/** Log lines that could not be written to standard error, since the process began. */
export function droppedLogLines(): number {
  return standardError.dropped;
}

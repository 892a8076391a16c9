import { pino, stdTimeFunctions, type DestinationStream, type Logger } from "pino";
import { printableLines } from "../core/printable.js";
import type { LogLevel } from "../config/config.js";
import { standardErrorDestination } from "./log-destination.js";
import { formatLogLine } from "./log-text.js";

/** One for the process, which has one standard error and one count of dropped lines. */
const standardError = standardErrorDestination();

/** How log lines look: JSON objects for machines, or text for people. */
export interface LogStyle {
  readonly format: "json" | "text";
  /** Whether text marks levels with colors. */
  readonly color: boolean;
}

/** For a log that a machine reads. */
export const JSON_LOG: LogStyle = { format: "json", color: false };

/** Structured logs, one JSON object or one text a line, to standard error. Nothing that could hold a secret is logged. */
export function createLogger(
  level: LogLevel,
  destination: DestinationStream = standardError,
  style: LogStyle = JSON_LOG,
): Logger {
  // Paths, agents, header values and reasons come from callers, and JSON does not escape C1 and bidi controls.
  const hooks = { streamWrite: printableLines };
  const options = { level, base: null, timestamp: stdTimeFunctions.isoTime, hooks };
  if (style.format === "json") return pino(options, destination);
  return pino(options, { write: (line) => destination.write(formatLogLine(line, style.color)) });
}

/** Log lines that could not be written to standard error, since the process began. */
export function droppedLogLines(): number {
  return standardError.dropped;
}

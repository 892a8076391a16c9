import { pino, stdTimeFunctions, type DestinationStream, type Logger } from "pino";
import { printableLines } from "../core/printable.js";
import type { LogLevel } from "../config/config.js";
import { standardErrorDestination } from "./log-destination.js";

/** Standard error belongs to the process, and so does the count of what it did not take. */
const standardError = standardErrorDestination();

/** Structured logs, one JSON object a line, to standard error. What could hold a secret is never passed to it. */
export function createLogger(level: LogLevel, destination: DestinationStream = standardError): Logger {
  // Paths, agents, header values and reasons are others' words: JSON lets C1 and bidi controls stand as they are.
  const hooks = { streamWrite: printableLines };
  const options = { level, base: null, timestamp: stdTimeFunctions.isoTime, hooks };
  return pino(options, destination);
}

/** Log lines of this process that standard error did not take. */
export function droppedLogLines(): number {
  return standardError.dropped;
}

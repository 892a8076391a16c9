import { pino, stdTimeFunctions, type Logger } from "pino";
import type { LogLevel } from "./config.js";
import { standardErrorDestination } from "./log-destination.js";

/** Standard error belongs to the process, and so does the count of what it did not take. */
const standardError = standardErrorDestination();

/** Structured logs, one JSON object a line, to standard error. What could hold a secret is never passed to it. */
export function createLogger(level: LogLevel): Logger {
  const options = { level, base: null, timestamp: stdTimeFunctions.isoTime };
  return pino(options, standardError);
}

/** Log lines of this process that standard error did not take. */
export function droppedLogLines(): number {
  return standardError.dropped;
}

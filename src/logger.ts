import { destination, pino, stdTimeFunctions, type Logger } from "pino";
import type { LogLevel } from "./config.js";

/** Structured logs, one JSON object a line, to standard error. What could hold a secret is never passed to it. */
export function createLogger(level: LogLevel): Logger {
  const options = { level, base: null, timestamp: stdTimeFunctions.isoTime };
  return pino(options, destination({ fd: 2, sync: true }));
}

import { printable } from "../core/printable.js";

/** pino's levels: their names and colors (ANSI). */
const LEVELS: Readonly<Record<number, readonly [name: string, color: string]>> = {
  10: ["TRACE", "90"],
  20: ["DEBUG", "90"],
  30: ["INFO", "32"],
  40: ["WARN", "33"],
  50: ["ERROR", "31"],
  60: ["FATAL", "1;31"],
};

/** The stack is shown from here on: below, the message says enough. */
const ERROR = 50;

/** An error as pino writes it. */
interface LoggedError {
  readonly message?: string;
  readonly stack?: string;
}

/**
 * A log line of pino as text for a person: time, level, message, then the other fields as `name=value`; the stack of an error on lines
 * of its own. Invisible characters are escaped. A line that is no JSON object is returned unchanged.
 */
export function formatLogLine(line: string, color: boolean): string {
  const entry = parse(line);
  if (entry === undefined) return line;
  const { level, time, msg, err, ...fields } = entry;
  const [name, code] = LEVELS[Number(level)] ?? [String(level), "0"];
  const shown = color ? `\u001b[${code}m${name.padEnd(5)}\u001b[0m` : name.padEnd(5);
  const error: LoggedError | null | undefined = typeof err === "object" ? err : undefined;
  const facts = Object.entries(fields).map(([key, value]) => printable(`${key}=${valueOf(value)}`));
  if (error?.message !== undefined) facts.push(printable(`error=${JSON.stringify(error.message)}`));
  const head = [timeOf(time), shown, typeof msg === "string" ? printable(msg) : "", ...facts]
    .filter((part) => part !== "")
    .join(" ");
  const stack = Number(level) >= ERROR && typeof error?.stack === "string" ? error.stack.split("\n").slice(1) : [];
  return [head, ...stack.map((frame) => `    ${printable(frame.trim())}`)].map((text) => `${text}\n`).join("");
}

function parse(line: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

/** `2026-04-22 12:00:00.123Z` */
function timeOf(time: unknown): string {
  return typeof time === "string" ? printable(time.replace("T", " ")) : "";
}

/** A word as it is; anything else as JSON, so that it cannot pass for the next field. */
function valueOf(value: unknown): string {
  const isWord = typeof value === "string" && /^[^\s"=]+$/.test(value);
  return isWord ? value : (JSON.stringify(value) ?? "undefined");
}

import { fstatSync, writeSync } from "node:fs";
import type { Writable } from "node:stream";

/** Text that is kept for a reader which is slow: some 4,000 lines. */
const MAX_WAITING_BYTES = 1 << 20;

/** Where log lines go. Neither a full disk nor a reader that stops ends or delays the server: lines are dropped and counted. */
export interface LogDestination {
  /** Takes one line with its line break. Never throws, never waits. */
  write(line: string): void;
  /** Lines that were dropped since the process began. */
  readonly dropped: number;
}

/** What takes the lines: returns why it did not take one, or null. */
type TakeLine = (line: string) => string | null;

/** Standard error of this process. */
export function standardErrorDestination(): LogDestination {
  return createLogDestination(isPipeOrSocket(2) ? takeByStream(process.stderr) : takeByFile(2));
}

/** When lines are taken again, one line tells how many were not, and why. */
export function createLogDestination(take: TakeLine): LogDestination {
  let dropped = 0;
  let untold = 0;
  let reason = "";
  const tryLine = (line: string) => {
    const refused = take(line);
    if (refused !== null) reason = refused;
    return refused === null;
  };
  return {
    write(line) {
      if (untold > 0 && tryLine(droppedLine(untold, reason))) untold = 0;
      if (untold === 0 && tryLine(line)) return;
      dropped += 1;
      untold += 1;
    },
    get dropped() {
      return dropped;
    },
  };
}

/**
 * Writes to a file or a terminal at once. Where only a part of a line could be written, the next line begins on a line of its own.
 */
export function takeByFile(fd: number, write: (fd: number, bytes: Buffer) => number = writeSync): TakeLine {
  let isTorn = false;
  return (line) => {
    const bytes = Buffer.from(isTorn ? `\n${line}` : line);
    try {
      const written = write(fd, bytes);
      if (written > 0) isTorn = written < bytes.length;
      return written === bytes.length ? null : "ENOSPC";
    } catch (thrown) {
      return (thrown as NodeJS.ErrnoException).code ?? "unknown";
    }
  };
}

/** Hands lines to a stream that never blocks, as long as its reader follows. */
export function takeByStream(stream: Pick<Writable, "write" | "writableLength" | "destroyed">): TakeLine {
  return (line) => {
    if (stream.destroyed) return "EPIPE";
    if (stream.writableLength + line.length > MAX_WAITING_BYTES) return "the reader does not follow";
    stream.write(line);
    return null;
  };
}

function droppedLine(lines: number, reason: string): string {
  const time = new Date().toISOString();
  return `${JSON.stringify({ level: 40, time, lines, reason, msg: "log lines were dropped" })}\n`;
}

function isPipeOrSocket(fd: number): boolean {
  try {
    const kind = fstatSync(fd);
    return kind.isFIFO() || kind.isSocket();
  } catch {
    // Closed: writing to it fails, and is counted.
    return false;
  }
}

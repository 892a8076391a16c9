import { fstatSync, writeSync } from "node:fs";
import type { Writable } from "node:stream";

/** Text that is buffered for a slow reader: some 4,000 lines. */
const MAX_WAITING_BYTES = 1 << 20;

/** A sink of log lines. Neither a full disk nor a stopped reader ends or delays the server: lines are dropped and counted. */
export interface LogDestination {
  /** Takes one line with its line break. Never throws, never waits. */
  write(line: string): void;
  /** Lines that were dropped since the process began. */
  readonly dropped: number;
}

/** Writes a line; returns the reason when it was not written, else null. */
type TakeLine = (line: string) => string | null;

/** Standard error of this process. */
export function standardErrorDestination(): LogDestination {
  return createLogDestination(isPipeOrSocket(2) ? takeByStream(process.stderr) : takeByFile(2));
}

/** Once lines can be written again, one line says how many were dropped, and why. */
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
 * Writes to a file or a terminal, synchronously. After a line that was written in part, the next one begins on a line of its own.
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

/** Writes to a stream that never blocks, unless its reader is too slow. */
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

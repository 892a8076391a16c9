import { readFileSync } from "node:fs";
import type { ListenerLimits } from "../api/listener/limits.js";

/** For the database, the log, key files, TLS certificates, /metrics (64 connections) and webhook deliveries. */
const KEPT_FOR_FILES = 256;

type ConnectionLimits = Pick<ListenerLimits, "maxConnections" | "maxUnauthenticatedConnections">;

/** The remedy for too few of them, for error texts. */
export const RAISE_OPEN_FILES = "raise LimitNOFILE (systemd), --ulimit nofile (containers) or ulimit -n";

/** Files and connections that this process may have open at once. Null where the system does not tell (Linux does). */
export function openFileLimit(read: () => string = readLimits): number | null {
  try {
    // Node raises the soft limit to the hard one before this.
    const soft = /^Max open files\s+(\d+)/m.exec(read())?.[1];
    return soft === undefined ? null : Number(soft);
  } catch {
    return null;
  }
}

/**
 * Lowers the limits of a port to the connections that the process may have open: 256 descriptors, or half of all, stay for files.
 * Otherwise the system would close new connections silently, and no file could be read nor webhook delivered.
 */
export function withinOpenFiles<T extends ConnectionLimits>(limits: T, openFiles: number | null): T {
  if (openFiles === null) return limits;
  const sockets = openFiles - Math.min(KEPT_FOR_FILES, Math.ceil(openFiles / 2));
  if (limits.maxConnections <= sockets) return limits;
  // Half stays for authenticated connections, as by default.
  const unknown = Math.min(limits.maxUnauthenticatedConnections, Math.max(1, Math.floor(sockets / 2)));
  return { ...limits, maxConnections: sockets, maxUnauthenticatedConnections: unknown };
}

/** Whether a call of the system failed because too many files are open, in this process or in all. */
export function isOutOfFiles(error: unknown): error is NodeJS.ErrnoException {
  const { code } = (error ?? {}) as { code?: unknown };
  return code === "EMFILE" || code === "ENFILE";
}

function readLimits(): string {
  return readFileSync("/proc/self/limits", "latin1");
}

import { statfsSync } from "node:fs";
import { AppError } from "../../core/error.js";
import { formatBytes } from "../../core/printable.js";

/**
 * Throws `unavailable` when the file system of `directory` has less than `bytes` free, with both figures; `purpose` completes "… needs".
 * Passes where the system does not tell.
 */
export function requireSpace(directory: string, bytes: number, purpose: string): void {
  const free = freeBytes(directory);
  if (free === null || free >= bytes) return;
  throw new AppError(
    "unavailable",
    `not enough disk space: ${purpose} needs ${formatBytes(bytes)}, and ${directory} has ${formatBytes(free)} free`,
    { reason: "no_space" },
  );
}

function freeBytes(directory: string): number | null {
  try {
    const { bavail, bsize } = statfsSync(directory);
    return bavail * bsize;
  } catch {
    return null;
  }
}

import type { Instant } from "./clock.js";

/** What a backup is for: taken away by its client and then deleted, kept on the server on request, or made by schedule. */
export type BackupKind = "once" | "kept" | "scheduled";

/** The steps of making a backup, in their order. */
export const BACKUP_PHASES = ["copying", "checking", "packing"] as const;
/** A step of making a backup. */
export type BackupPhase = (typeof BACKUP_PHASES)[number];

/** A backup of the whole server, in one file. */
export interface Backup {
  /** The time of its making and random digits. */
  readonly id: string;
  readonly kind: BackupKind;
  readonly state: "running" | "ready" | "failed";
  /** While it is running. */
  readonly phase: BackupPhase | null;
  /** Of the phase, 0 to 100. */
  readonly percent: number;
  readonly createdAt: Instant;
  /** Bytes of the file; null until it is ready. */
  readonly bytes: number | null;
  /** Of the file, lower-case hex; null until it is ready. */
  readonly sha256: string | null;
  /** Why it failed. */
  readonly error: string | null;
}

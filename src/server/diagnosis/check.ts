import type { Clock } from "../../core/clock.js";
import { problem, type Finding } from "../../core/finding.js";
import type { Config } from "../../config/config.js";
import type { KeyRing } from "../../service/keys/key-ring.js";
import type { SigningKeys } from "../../service/keys/key-files.js";
import type { SqliteOptions } from "../../store/sqlite/connect.js";
import type { PostgresFacts } from "../../store/examination/postgres-facts.js";
import type { Reader } from "../../store/store.js";

/** How a shared database is examined. */
export interface SharedSubject {
  /** Throws as the database does. */
  readonly facts: () => Promise<PostgresFacts>;
  /** The time of a notification in milliseconds; null when it does not arrive. */
  readonly notifyRoundTrip: () => Promise<number | null>;
}

/** What is examined. */
export interface Subject {
  /** The data directory. */
  readonly directory: string;
  /** Null when the data is in PostgreSQL. */
  readonly database: SqliteOptions | null;
  /** Null when the data is in files. */
  readonly shared: SharedSubject | null;
  readonly read: Reader;
  readonly keys: SigningKeys;
  readonly ring: KeyRing;
  readonly clock: Clock;
  readonly config: Config;
  /** Why the database cannot be written, or may be an older one; null when neither is so. */
  readonly doubt: string | null;
  /** Throws an AppError that says what is wrong with owners and modes, and what to do. */
  readonly checkModes: () => void;
  readonly full: boolean;
}

/** One check. What it throws becomes a finding of its id. */
export interface Check<Needed = Subject> {
  readonly id: string;
  run(subject: Needed): Promise<readonly Finding[]>;
}

/** What a check needs that examines the data alone. */
export type DataSubject = Pick<Subject, "shared" | "read" | "clock" | "config" | "full">;

/** Runs checks one after another, so that they do not add up. Never rejects. */
export async function runChecks<Needed>(
  checks: readonly Check<Needed>[],
  subject: Needed,
): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  for (const check of checks) {
    try {
      findings.push(...(await check.run(subject)));
    } catch (error) {
      const { message } = error instanceof Error ? error : new Error(String(error));
      findings.push(
        problem(check.id, `could not be examined: ${message}`, "see the server's log, and the other findings"),
      );
    }
  }
  return findings;
}

/** Days from one time to another; negative when that is past. */
export function daysBetween(from: Date, until: Date): number {
  return (until.getTime() - from.getTime()) / 86_400_000;
}

import { SingleFlight } from "../../core/schedule/single-flight.js";
import type { Finding } from "../../core/finding.js";
import { AUDIT } from "./audit-check.js";
import { BACKUPS } from "./backup-check.js";
import { runChecks, type Check, type DataSubject, type Subject } from "./check.js";
import { DATABASE, LOG } from "./database-checks.js";
import { KEYS, MODES } from "./key-checks.js";
import { CERTIFICATE, CLOCK, DISK, FILES } from "./machine-checks.js";
import { NODES, NOTIFICATIONS, POSTGRES } from "./postgres-checks.js";
import { TOKENS, WEBHOOKS } from "./tenant-checks.js";
import { TRUST } from "./trust-check.js";

/** The checks of a data directory with SQLite, in the order in which findings are listed. */
const OF_DIRECTORY = [
  DATABASE,
  LOG,
  AUDIT,
  KEYS,
  MODES,
  DISK,
  BACKUPS,
  CLOCK,
  CERTIFICATE,
  TOKENS,
  TRUST,
  WEBHOOKS,
] as const;

/** The checks of a server whose data is in PostgreSQL. */
const OF_SHARED = [
  POSTGRES,
  NOTIFICATIONS,
  NODES,
  AUDIT,
  KEYS,
  MODES,
  CLOCK,
  CERTIFICATE,
  TOKENS,
  TRUST,
  WEBHOOKS,
] as const;

/** Checks that need no keys and no data directory. */
const OF_DATABASE = [POSTGRES, NOTIFICATIONS, NODES, TOKENS, TRUST, WEBHOOKS] as const;

/** What each check of a PostgreSQL without a server found. Never rejects. */
export function examineDatabase(subject: DataSubject): Promise<readonly Finding[]> {
  return runChecks(OF_DATABASE, subject);
}

/** Examines a server, or the data directory of a stopped one. Calls at the same time share one examination. */
export class Diagnoses {
  readonly #subject: Omit<Subject, "full">;
  readonly #checks: readonly Check[];
  readonly #flights = new SingleFlight<boolean, readonly Finding[]>();

  /** `isServer`: this process is the server, and its own limits count. */
  constructor(subject: Omit<Subject, "full">, isServer: boolean) {
    this.#subject = subject;
    const checks = subject.database === null ? OF_SHARED : OF_DIRECTORY;
    this.#checks = isServer ? [...checks, FILES] : checks;
  }

  /** What each check found. Takes 30 seconds at most; with `full` as long as the database and the audit are large, up to an hour. */
  run(full: boolean): Promise<readonly Finding[]> {
    return this.#flights.run(full, () => runChecks(this.#checks, { ...this.#subject, full }));
  }
}

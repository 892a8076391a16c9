/** The beginning of every origin: schema-less and of no host, so that it stays when a server moves. */
const PREFIX = "signet.dev/audit/";

/** The field of an event's metadata from which on the log has an origin of its own: 16 random hex digits. */
export const LOG_ID = "log_id";

/**
 * The events that begin a log of another origin: after each of them the server knows that events which it had acknowledged, and perhaps
 * signed for, are lost. So no origin ever has two histories that the server knows of.
 */
const BEGINNINGS: readonly string[] = [
  "history.lost",
  "backup.restored",
  "environment.history_lost",
  "audit.history_lost",
];

/** The id of the log that begins with an event; null if none does. */
export function logIdOf(event: {
  readonly action: string;
  readonly metadata: Readonly<Record<string, unknown>>;
}): string | null {
  const id = event.metadata[LOG_ID];
  return BEGINNINGS.includes(event.action) && typeof id === "string" && /^[0-9a-f]{16}$/.test(id) ? id : null;
}

/** The origin of an organization's log: its id is unique for ever. With the log's own id after a loss of events. */
export function logOrigin(orgId: string, logId: string | null): string {
  return PREFIX + orgId + (logId === null ? "" : `/${logId}`);
}

/** The organization of an origin; null for one that is not of Signet. */
export function orgOfOrigin(origin: string): string | null {
  return /^signet\.dev\/audit\/([0-9a-f-]{36})(?:\/[0-9a-f]{16})?$/.exec(origin)?.[1] ?? null;
}

import pg from "pg";
import { AppError, type AppErrorCode } from "../../core/error.js";
import { NoPrimaryError } from "./hosts.js";

/** Seconds after which what another transaction was in the way of may be tried again. */
const BUSY_SECONDS = 1;
/** Seconds after which a database that is away may be back. */
const AWAY_SECONDS = 5;
/** Seconds after which an operator may have mended it. */
const OPERATOR_SECONDS = 30;

interface Meaning {
  readonly code: AppErrorCode;
  readonly message: string;
  readonly retryAfterSeconds?: number;
}

const unavailable = (message: string, retryAfterSeconds: number): Meaning => ({
  code: "unavailable",
  message,
  retryAfterSeconds,
});

const BUSY = unavailable("the database is busy", BUSY_SECONDS);
const AWAY = unavailable("the database cannot be reached", AWAY_SECONDS);
const LOGIN = unavailable("the database refuses the login of this server", OPERATOR_SECONDS);

/** What SQLSTATE codes mean, or their first two characters; the first that fits. */
const MEANINGS: readonly (readonly [prefix: string, meaning: Meaning])[] = [
  ["40001", BUSY],
  ["40P01", BUSY],
  ["55P03", BUSY],
  ["57014", unavailable("the database took too long", BUSY_SECONDS)],
  ["25P03", unavailable("the database ended a transaction that stood still", BUSY_SECONDS)],
  ["25006", unavailable("the database takes no changes: it is a standby or read-only", AWAY_SECONDS)],
  ["53100", unavailable("the disk of the database is full", OPERATOR_SECONDS)],
  ["53200", unavailable("the database is out of memory", AWAY_SECONDS)],
  ["53300", unavailable("the database has too many connections", AWAY_SECONDS)],
  ["58030", unavailable("the disk of the database fails", OPERATOR_SECONDS)],
  ["57P", AWAY],
  ["08", AWAY],
  ["28", LOGIN],
  ["3D000", unavailable("there is no such database", OPERATOR_SECONDS)],
  ["42501", unavailable("the role of this server may not do this in the database", OPERATOR_SECONDS)],
  ["22021", { code: "invalid", message: "a text has a character that the database cannot keep (NUL)" }],
  ["XX001", { code: "internal", message: "the database is damaged" }],
  ["XX002", { code: "internal", message: "the database is damaged" }],
];

/** Ends of connections: by the server while it stops (57P01, 57P02), by a time-out (57P05), by the protocol or a pooler (08). */
const LOST_STATES = /^(57P0[125]|08)/;
const LOST_SYSTEM = new Set([
  "ECONNRESET",
  "EPIPE",
  "ETIMEDOUT",
  "ECONNABORTED",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "ENETDOWN",
  "ERR_STREAM_DESTROYED",
]);
/** pg tells by messages alone. */
const LOST_MESSAGES =
  /^(Connection terminated|Client has encountered a connection error|Client was closed|Query read timeout)/;

/** Of the system, while a connection is made. */
const UNREACHED_SYSTEM = new Set(["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "EAI_FAIL", "ENOENT", "EACCES"]);
const UNREACHED_MESSAGES = /^(timeout expired|timeout exceeded when trying to connect)/;

/**
 * What a failure of the driver means, as sqliteError does: `conflict` for a unique value that is taken, `unavailable` with a time to retry
 * for a database that is busy, away, full, read-only or refuses the login, `invalid` for a text that it cannot keep, else `internal`. The
 * message has neither SQL nor values; the driver's error is the cause. An AppError is kept as it is.
 */
export function postgresError(error: unknown): AppError {
  if (error instanceof AppError) return error;
  if (error instanceof pg.DatabaseError && error.code !== undefined) return fromServer(error, error.code);
  const isWaiting = error instanceof Error && error.message.startsWith("timeout exceeded when trying to connect");
  if (isWaiting) return meant(unavailable("all connections to the database are in use", BUSY_SECONDS), error);
  if (error instanceof NoPrimaryError || isConnectionLost(error) || isUnreached(error)) return meant(AWAY, error);
  return new AppError("internal", "the database refused a statement", { cause: error });
}

/**
 * Whether the whole work may be repeated at once: another transaction was in its way, and nothing of it was committed. False for a lost
 * connection, of which this is certain only before COMMIT was sent: see isConnectionLost.
 */
export function isRetryable(error: unknown): boolean {
  return /^(40001|40P01|55P03|25P03|25006)$/.test(stateOf(error) ?? "") || isPlanGone(error);
}

/**
 * Whether a prepared statement does not fit any more: a newer node has changed its table, or a pooler has dropped it. The connection is to be
 * given up, and the work may be repeated on another one.
 */
export function isPlanGone(error: unknown): boolean {
  const state = stateOf(error);
  if (state === "26000") return true;
  const { routine } = driverError(error) as { readonly routine?: unknown };
  return state === "0A000" && routine === "RevalidateCachedQuery";
}

/**
 * Whether the connection ended, so that the outcome of a COMMIT that was sent is unknown: outcome.ts asks. An answer of 57P01 is
 * one too: a server that stops while it waits for its standby has committed. Before COMMIT was sent nothing is committed, and the work
 * may be repeated on another connection.
 */
export function isConnectionLost(error: unknown): boolean {
  const state = stateOf(error);
  if (state !== undefined) return LOST_STATES.test(state);
  const { code, message } = driverError(error);
  return (
    (typeof code === "string" && LOST_SYSTEM.has(code)) || (typeof message === "string" && LOST_MESSAGES.test(message))
  );
}

/** Whether the host takes no writes (any more): its connections are to be dropped. */
export function isReadOnlyHost(error: unknown): boolean {
  return stateOf(error) === "25006";
}

function isUnreached(error: unknown): boolean {
  const { code, message } = driverError(error);
  return (
    (typeof code === "string" && UNREACHED_SYSTEM.has(code)) ||
    (typeof message === "string" && UNREACHED_MESSAGES.test(message))
  );
}

/** The SQLSTATE of a failure, also of one that postgresError has translated; undefined when the server said nothing. */
export function stateOf(error: unknown): string | undefined {
  const raw = error instanceof AppError ? error.cause : error;
  return raw instanceof pg.DatabaseError ? raw.code : undefined;
}

function driverError(error: unknown): { readonly code?: unknown; readonly message?: unknown } {
  return (error instanceof AppError ? error.cause : error) ?? {};
}

function fromServer(error: pg.DatabaseError, state: string): AppError {
  if (state === "23505") return new AppError("conflict", takenMessage(error), { cause: error });
  const meaning = MEANINGS.find(([prefix]) => state.startsWith(prefix))?.[1];
  if (meaning !== undefined) return meant(meaning, error, state);
  return new AppError("internal", `the database refused a statement (${state})`, { cause: error });
}

function meant({ code, message, retryAfterSeconds }: Meaning, cause: unknown, state?: string): AppError {
  const text = state === undefined ? message : `${message} (${state})`;
  return new AppError(code, text, { ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }), cause });
}

/**
 * The server says `Key (environment_id, version)=(…, 3) already exists.` in its own language, so that only the brackets can be relied
 * on. Without it (a role that may not see it) the name of the constraint must do: `bundles_environment_id_version_key`.
 */
function takenMessage({ table = "", detail = "", constraint = "" }: pg.DatabaseError): string {
  const columns = /\((.*?)\)=\(/s
    .exec(detail)?.[1]
    ?.split(", ")
    .map((column) => column.replaceAll('"', ""));
  const plain =
    columns?.every((column) => /^\w+$/.test(column)) === true ? columns : [fromConstraint(table, constraint)];
  return `${table.replaceAll("_", " ")}: there is one with the same ${plain.join(" and ").replaceAll("_", " ")} already`;
}

function fromConstraint(table: string, constraint: string): string {
  const name = constraint.startsWith(`${table}_`) ? constraint.slice(table.length + 1) : constraint;
  return name === "pkey" ? "id" : name.replace(/_(key|idx|pkey)$/, "");
}

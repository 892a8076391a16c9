import { isUuid } from "./uuid.js";

/**
 * The closed list of error codes. A new code does not compile until the table of api/admission/errors.ts maps it.
 *
 * - `malformed`: the request is not what its protocol says: broken JSON, invalid UTF-8.
 * - `no_target`: the source has no environment to promote to.
 * - `unauthenticated`: no token, or an invalid one.
 * - `forbidden`: a valid token without the right.
 * - `not_found`: does not exist for this caller.
 * - `conflict`: the current state does not allow it.
 * - `precondition_failed`: If-Match names another sequence.
 * - `too_large`: more bytes than the limit.
 * - `unsupported_media_type`: a body that is not JSON.
 * - `invalid`: well-formed, with refused values; `fields` lists them.
 * - `quota_exceeded`: the organization's plan does not allow more.
 * - `rate_limited`: too many requests; `retryAfterSeconds` says when to retry.
 * - `cancelled`: the caller cancelled the request.
 * - `timeout`: the caller's deadline has passed.
 * - `unavailable`: temporary; the same request may succeed later.
 * - `data_loss`: stored data differs from what was signed: damaged or tampered with.
 * - `signing_failed`: the signing key is missing or malformed.
 * - `internal`: a defect of the server.
 */
export type AppErrorCode =
  | "malformed"
  | "no_target"
  | "unauthenticated"
  | "forbidden"
  | "not_found"
  | "conflict"
  | "precondition_failed"
  | "too_large"
  | "unsupported_media_type"
  | "invalid"
  | "quota_exceeded"
  | "rate_limited"
  | "cancelled"
  | "timeout"
  | "unavailable"
  | "data_loss"
  | "signing_failed"
  | "internal";

/** One refused field. */
export interface FieldError {
  /** `body`, `path`, `query` or `header`, then the field, then keys and indexes inside of it. */
  readonly loc: readonly string[];
  /** The flaw, for a person. */
  readonly msg: string;
  /** The same for a machine, for example `missing`, `type`, `duplicate_key`. */
  readonly type: string;
}

/** The optional parts of an AppError. */
export interface AppErrorOptions {
  /** Only for `invalid`; the first hundred are kept. */
  readonly fields?: readonly FieldError[];
  /** A finer machine code than `code`, for example `runtime_key_exists`. */
  readonly reason?: string;
  /** When to retry; whole seconds. */
  readonly retryAfterSeconds?: number;
  /** The internal cause; logged, never shown. */
  readonly cause?: unknown;
}

/** The `reason` of what is refused because the disk of the database is full. */
export const DISK_FULL = "disk_full";

/** Seconds after which a change that was refused on a full disk may be tried again: an operator has to make room first. */
const FULL_DISK_RETRY_SECONDS = 30;

/**
 * The one `unavailable` error of a change on a full disk, whether it was refused or failed. `because` is the failure that told of it:
 * its message is that of the database, without paths.
 */
export function diskFull(because: AppError): AppError {
  return new AppError(
    "unavailable",
    `${because.message}: until there is space again only activations, rollbacks, deletions and pruning are accepted`,
    { reason: DISK_FULL, retryAfterSeconds: FULL_DISK_RETRY_SECONDS, cause: because.cause ?? because },
  );
}

/** Further field errors are dropped: a request can cause millions. */
export const MAX_FIELD_ERRORS = 100;

/** Length of the field path in a message: a key can be as long as the request. */
const MAX_WHERE_CHARACTERS = 500;

/** The one error that core, store and service throw. Its message is shown to callers: no secret and no SQL in it. */
export class AppError extends Error {
  override readonly name = "AppError";
  readonly fields: readonly FieldError[];
  readonly reason: string | undefined;
  readonly retryAfterSeconds: number | undefined;

  constructor(
    readonly code: AppErrorCode,
    message: string,
    options: AppErrorOptions = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.fields = (options.fields ?? []).slice(0, MAX_FIELD_ERRORS);
    this.reason = options.reason;
    this.retryAfterSeconds = options.retryAfterSeconds;
  }
}

/** An `invalid` error about one field of the body, for example `invalidField(["policies", "pii"], "…", "type")`. */
export function invalidField(path: readonly string[], msg: string, type: string, source = "body"): AppError {
  return invalidFields([{ loc: [source, ...path], msg, type }]);
}

/** An `invalid` error about several fields; its message names the first. */
export function invalidFields(fields: readonly FieldError[]): AppError {
  const [first] = fields;
  const where = first?.loc.slice(1).join(".").slice(0, MAX_WHERE_CHARACTERS);
  // An error of the whole request has no field to name.
  const message = first === undefined ? "invalid request" : [where, first.msg].filter(Boolean).join(": ");
  return new AppError("invalid", message, { fields });
}

/**
 * The same `not_found` error for what does not exist and for what the caller must not see. With the requested `id`, the message hints
 * that names are not accepted if it is not a UUID, which depends on the request alone.
 */
export function notFound(what: string, id?: string): AppError {
  const hint = id === undefined || isUuid(id) ? "" : `: its id is a UUID; ${NO_NAMES}`;
  return new AppError("not_found", `${what} not found${hint}`);
}

/** The hint for a slug or a name given instead of an id. */
export const NO_NAMES = "slugs and names are not accepted here";

import { isUuid } from "./uuid.js";

/**
 * The closed list of what can go wrong. A new code does not compile until the wire's table (api/errors.ts) maps it.
 *
 * - `malformed`: the request is not what its protocol says: broken JSON, invalid UTF-8.
 * - `no_target`: there is nothing to promote to.
 * - `unauthenticated`: no token, or not a valid one.
 * - `forbidden`: a valid token that may not do this.
 * - `not_found`: not there for this caller.
 * - `conflict`: the state does not allow it now.
 * - `precondition_failed`: If-Match names another sequence.
 * - `too_large`: more bytes than the limit.
 * - `unsupported_media_type`: a body that is not JSON.
 * - `invalid`: well-formed, but with values that are refused; `fields` says which.
 * - `quota_exceeded`: the organization's plan allows no more.
 * - `rate_limited`: too many requests; `retryAfterSeconds` says when to come back.
 * - `cancelled`: the caller went away.
 * - `timeout`: the time that the caller gave is over.
 * - `unavailable`: not now; the same request may work later.
 * - `data_loss`: what is kept is not what was signed: damaged, or changed by who has no key.
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
  /** What is wrong, for a person. */
  readonly msg: string;
  /** The same for a machine, for example `missing`, `type`, `duplicate_key`. */
  readonly type: string;
}

export interface AppErrorOptions {
  /** Only for `invalid`; the first hundred are kept. */
  readonly fields?: readonly FieldError[];
  /** A finer machine code than `code`, for example `runtime_key_exists`. */
  readonly reason?: string;
  /** When to come back; whole seconds. */
  readonly retryAfterSeconds?: number;
  /** What happened inside; logged, never shown. */
  readonly cause?: unknown;
}

/** Further ones are dropped: a request can have millions. */
export const MAX_FIELD_ERRORS = 100;

/** Of the field that a message names: its key can be as long as the request. */
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
export function invalidField(path: readonly string[], msg: string, type: string, place = "body"): AppError {
  return invalidFields([{ loc: [place, ...path], msg, type }]);
}

/** An `invalid` error about several fields; its message names the first. */
export function invalidFields(fields: readonly FieldError[]): AppError {
  const [first] = fields;
  const where = first?.loc.slice(1).join(".").slice(0, MAX_WHERE_CHARACTERS);
  const message = first === undefined ? "invalid request" : `${where}: ${first.msg}`;
  return new AppError("invalid", message, { fields });
}

/**
 * "Not there for this caller": one text for what does not exist and for what the caller must not see. With the `id` that it was asked
 * for by, the text says of one that is no UUID that names are not taken: that depends on the request alone, and tells of nothing.
 */
export function notFound(what: string, id?: string): AppError {
  const hint = id === undefined || isUuid(id) ? "" : `: its id is a UUID; ${NO_NAMES}`;
  return new AppError("not_found", `${what} not found${hint}`);
}

/** To who gives a slug or a name where an id stands. */
export const NO_NAMES = "slugs and names are not taken here";

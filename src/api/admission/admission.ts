import type { DescMethod } from "@bufbuild/protobuf";
import type { AppError } from "../../core/error.js";
import type { Principal } from "../../core/token.js";
import type { Call } from "./call.js";

/** The head of a request, as far as admission needs it. */
export interface RequestHead {
  readonly requestId: string;
  readonly clientAddress: string;
  /** Undefined when it is closed already. */
  readonly connection: AdmittedConnection | undefined;
  /** Name, value, name, value …, as received: a header that was sent twice is here twice. */
  readonly rawHeaders: readonly string[];
  /** Reads the cookie of a session of the console; absent where no cookie counts (gRPC). Not called beside a token. */
  readonly session?: () => SessionCookie | undefined;
  /** Told once for each request, before `admit` resolves or rejects: what the answer's rate headers say. Not told when limits are off. */
  onRate(state: RateState): void;
}

/** A cookie of a session of the console. */
export interface SessionCookie {
  /** As sent. */
  readonly id: string;
  /** What the request is refused with because another page sent it, once the session is found to be valid; null for none. */
  readonly refusal: AppError | null;
  /** Nobody at the keyboard asked for it: no use of the session. */
  readonly isUnattended: boolean;
}

/** The connection that a request came over. */
export interface AdmittedConnection {
  /** A valid token came over it. Called for each request. */
  authenticated(principal: Principal): void;
}

/** What an answer tells of the caller's budget in X-RateLimit-Limit, -Remaining and -Reset. */
export interface RateState {
  readonly limit: number;
  readonly remaining: number;
  /** Seconds until the budget is full again; whole, rounded up. */
  readonly resetSeconds: number;
}

/**
 * Checks credentials, rate limit, scope, and the organization when the path names one; in this order, before any byte of the body is
 * read, and the same for every protocol.
 */
export interface Admission {
  /**
   * Throws `unauthenticated`, `rate_limited` or `forbidden`, and `not_found` for an organization by a slug or a name that is not the
   * token's. `orgId` is the organization in a REST path: id, slug or name.
   */
  admit(method: DescMethod, head: RequestHead, orgId?: string): Promise<Call>;
  /**
   * The same, synchronously, for a runtime token in memory and a method that is not counted. Undefined, with nothing counted or told,
   * when `admit` must decide.
   */
  admitKnown(method: DescMethod, head: RequestHead): Call | undefined;
}

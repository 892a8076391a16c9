import type { Clock, Instant } from "../../core/clock.js";
import { AppError } from "../../core/error.js";
import type { Principal } from "../../core/token.js";

/** Streams and held polls have separate limits. */
export type SessionKind = "stream" | "poll";

/** The entry of an open stream or held poll. Dispose of it when that ends. */
export interface Lease extends Disposable {
  /** Ends it at an instant at the latest; null changes nothing. */
  endBy(instant: Instant | null): void;
}

/** An open stream or held poll. */
export interface Session extends Lease {
  /** Aborts, with an AppError as reason, when the session must end. */
  readonly signal: AbortSignal;
}

/** The stream or poll that has a lease. */
export interface LeaseOwner {
  /** The stream or poll must end, for this reason. Called once at most, and not after the lease was disposed of. Must not throw. */
  end(reason: AppError): void;
}

class Entry implements Lease {
  /** Milliseconds since 1970; only ever moves forward to an earlier end. */
  endsAtMs = Infinity;
  timer: NodeJS.Timeout | null = null;
  isOver = false;

  constructor(
    private readonly sessions: Sessions,
    readonly kind: SessionKind,
    readonly principal: Pick<Principal, "tokenId" | "keyHash" | "sessionHash">,
    readonly environmentId: string | null,
    readonly address: string,
    private readonly holder: LeaseOwner,
  ) {}

  endBy(instant: Instant | null): void {
    if (instant !== null) this.sessions.endAt(this, Date.parse(instant));
  }

  end(reason: AppError): void {
    if (this.isOver) return;
    this.isOver = true;
    this.holder.end(reason);
  }

  [Symbol.dispose](): void {
    this.isOver = true;
    this.sessions.leave(this);
  }
}

/** How many sessions of each kind may be open at once, for each token and for each address. */
export type SessionLimits = Readonly<Record<SessionKind, number>>;

/** Everything that is held open, so that it ends when its token, its environment or the server does. */
export class Sessions {
  readonly #open = new Set<Entry>();
  readonly #counts = new Map<string, number>();
  #draining = false;

  constructor(
    private readonly clock: Clock,
    private readonly limits: SessionLimits,
  ) {}

  /** As `enter`; the end aborts the session's signal. */
  open(kind: SessionKind, principal: Principal, environmentId: string, address: string): Session {
    const controller = new AbortController();
    const lease = this.enter(kind, principal, environmentId, address, { end: (reason) => controller.abort(reason) });
    return {
      signal: controller.signal,
      endBy: (instant) => lease.endBy(instant),
      [Symbol.dispose]: () => lease[Symbol.dispose](),
    };
  }

  /**
   * `environmentId` is null for one that is no environment's. Throws `rate_limited` when the token or the address has too many open, `unavailable` when the server is shutting down.
   */
  enter(
    kind: SessionKind,
    principal: Principal,
    environmentId: string | null,
    address: string,
    holder: LeaseOwner,
  ): Lease {
    if (this.#draining) throw shuttingDown(1);
    const entry = new Entry(this, kind, principal, environmentId, address, holder);
    if (countedAs(entry).some((key) => (this.#counts.get(key) ?? 0) >= this.limits[kind])) {
      throw new AppError("rate_limited", `too many open ${kind}s for this token or address`, {
        reason: `too_many_${kind}s`,
        retryAfterSeconds: 10,
      });
    }
    this.#open.add(entry);
    for (const key of countedAs(entry)) this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1);
    entry.endBy(principal.expiresAt);
    return entry;
  }

  /** Called by leases. */
  leave(entry: Entry): void {
    if (!this.#open.delete(entry)) return;
    if (entry.timer !== null) clearTimeout(entry.timer);
    for (const key of countedAs(entry)) {
      const left = (this.#counts.get(key) ?? 1) - 1;
      if (left === 0) this.#counts.delete(key);
      else this.#counts.set(key, left);
    }
  }

  /** Called by leases. */
  endAt(entry: Entry, atMs: number): void {
    if (entry.isOver || atMs >= entry.endsAtMs) return;
    entry.endsAtMs = atMs;
    this.#setTimer(entry);
  }

  /** How many are open now. */
  count(kind: SessionKind): number {
    let count = 0;
    for (const entry of this.#open) if (entry.kind === kind) count += 1;
    return count;
  }

  /** How many are open now in these environments. */
  countIn(environmentIds: ReadonlySet<string>): number {
    let count = 0;
    for (const entry of this.#open) if (isIn(entry, environmentIds)) count += 1;
    return count;
  }

  /** Ends the sessions of a revoked or rotated token, now or at the end of its grace time. */
  endToken(tokenId: number, at?: Date): void {
    for (const entry of this.#open) {
      if (entry.principal.tokenId !== tokenId) continue;
      if (at === undefined) entry.end(tokenEnded());
      else this.endAt(entry, at.getTime());
    }
  }

  /** The tokens and environments of the open sessions. */
  get used(): { readonly tokenIds: ReadonlySet<number>; readonly environmentIds: ReadonlySet<string> } {
    const [tokenIds, environmentIds] = [new Set<number>(), new Set<string>()];
    for (const { principal, environmentId } of this.#open) {
      tokenIds.add(principal.tokenId);
      if (environmentId !== null) environmentIds.add(environmentId);
    }
    return { tokenIds, environmentIds };
  }

  /** Ends the sessions of some tokens by what `endOf` says of their keys: when one ends (null: never), undefined when it has. */
  endKeys(
    tokenIds: ReadonlySet<number>,
    endOf: (key: Pick<Principal, "tokenId" | "keyHash">) => Instant | null | undefined,
  ): void {
    for (const entry of this.#open) {
      if (!tokenIds.has(entry.principal.tokenId)) continue;
      const end = endOf(entry.principal);
      if (end === undefined) entry.end(tokenEnded());
      else entry.endBy(end);
    }
  }

  /** The console sessions of what is open, by their hashes. */
  get consoleSessions(): ReadonlySet<string> {
    const hashes = new Set<string>();
    for (const { principal } of this.#open) {
      if (principal.sessionHash !== undefined) hashes.add(principal.sessionHash);
    }
    return hashes;
  }

  /** Ends what console sessions that are over have open. */
  endConsoleSessions(isOver: (hash: string) => boolean): void {
    for (const entry of this.#open) {
      const { sessionHash } = entry.principal;
      if (sessionHash !== undefined && isOver(sessionHash)) entry.end(signedOut());
    }
  }

  /** Ends the sessions of deleted environments. */
  endEnvironments(environmentIds: ReadonlySet<string>): void {
    for (const entry of this.#open) {
      if (isIn(entry, environmentIds)) entry.end(new AppError("not_found", "environment not found"));
    }
  }

  /** Ends all of them and lets no new one in. They are told different times to return, so that not all come at once. */
  shutdown(): void {
    this.#draining = true;
    const spreadSeconds = Math.min(Math.ceil(this.#open.size / RETURNS_PER_SECOND), MAX_SPREAD_SECONDS);
    let at = 0;
    for (const entry of this.#open) {
      entry.end(shuttingDown(1 + (at % Math.max(spreadSeconds, 1))));
      at += 1;
    }
  }

  #setTimer(entry: Entry): void {
    if (entry.timer !== null) clearTimeout(entry.timer);
    const waitMs = entry.endsAtMs - this.clock.now().getTime();
    if (waitMs <= 0) {
      entry.end(tokenEnded());
      return;
    }
    // The clock may be set forward meanwhile, over the end.
    entry.timer = setTimeout(() => this.#setTimer(entry), Math.min(waitMs, LOOK_AGAIN_MS));
    entry.timer.unref();
  }
}

/** How long a session may outlive its token when the clock is set forward. */
export const LOOK_AGAIN_MS = 30_000;

/** How many are told to return in the same second. A server that starts accepts far more than that. */
const RETURNS_PER_SECOND = 500;

const MAX_SPREAD_SECONDS = 60;

function isIn({ environmentId }: Entry, environmentIds: ReadonlySet<string>): boolean {
  return environmentId !== null && environmentIds.has(environmentId);
}

function countedAs({ kind, principal, address }: Entry): readonly string[] {
  return [`${kind} token ${principal.tokenId}`, `${kind} address ${address}`];
}

function tokenEnded(): AppError {
  return new AppError("unauthenticated", "the token was revoked, was rotated or has expired");
}

function signedOut(): AppError {
  return new AppError("unauthenticated", "the session has ended: sign in again", { reason: "session_ended" });
}

function shuttingDown(retryAfterSeconds: number): AppError {
  const message = "the server is shutting down; reconnect with your newest sequence";
  return new AppError("unavailable", message, { retryAfterSeconds });
}

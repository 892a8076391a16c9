import type { Clock, Instant } from "../core/clock.js";
import { AppError } from "../core/error.js";
import type { Principal } from "../core/token.js";

export type SessionKind = "stream" | "poll";

/** An open stream or held poll. Dispose it when it ends. */
export interface Session extends Disposable {
  /** Aborts, with an AppError as reason, when the session must end. */
  readonly signal: AbortSignal;
  /** Ends it at an instant at the latest; null changes nothing. */
  endBy(instant: Instant | null): void;
}

interface Entry {
  readonly kind: SessionKind;
  readonly tokenId: number;
  readonly environmentId: string;
  readonly address: string;
  readonly controller: AbortController;
  /** Milliseconds since 1970; only ever moves forward to an earlier end. */
  endsAtMs: number;
  timer: NodeJS.Timeout | null;
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

  /** Throws `rate_limited` when the token or the address has too many open, `unavailable` when the server is shutting down. */
  open(kind: SessionKind, principal: Principal, environmentId: string, address: string): Session {
    if (this.#draining) throw shuttingDown();
    const counted = [`${kind} token ${principal.tokenId}`, `${kind} address ${address}`];
    if (counted.some((key) => (this.#counts.get(key) ?? 0) >= this.limits[kind])) {
      throw new AppError("rate_limited", `too many open ${kind}s for this token or address`, {
        reason: `too_many_${kind}s`,
        retryAfterSeconds: 10,
      });
    }
    const controller = new AbortController();
    const entry: Entry = {
      kind,
      tokenId: principal.tokenId,
      environmentId,
      address,
      controller,
      endsAtMs: Infinity,
      timer: null,
    };
    this.#open.add(entry);
    for (const key of counted) this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1);
    const endBy = (instant: Instant | null) => {
      if (instant !== null) this.#endBy(entry, Date.parse(instant));
    };
    endBy(principal.expiresAt);
    return {
      signal: controller.signal,
      endBy,
      [Symbol.dispose]: () => {
        if (!this.#open.delete(entry)) return;
        if (entry.timer !== null) clearTimeout(entry.timer);
        for (const key of counted) {
          const left = (this.#counts.get(key) ?? 1) - 1;
          if (left === 0) this.#counts.delete(key);
          else this.#counts.set(key, left);
        }
      },
    };
  }

  /** How many are open now. */
  count(kind: SessionKind): number {
    let count = 0;
    for (const entry of this.#open) if (entry.kind === kind) count += 1;
    return count;
  }

  /** Ends the sessions of a revoked or rotated token, now or at the end of its grace time. */
  endToken(tokenId: number, at?: Date): void {
    for (const entry of this.#open) {
      if (entry.tokenId !== tokenId) continue;
      if (at === undefined) entry.controller.abort(tokenEnded());
      else this.#endBy(entry, at.getTime());
    }
  }

  /** Ends the sessions of a deleted environment. */
  endEnvironment(environmentId: string): void {
    for (const entry of this.#open) {
      if (entry.environmentId === environmentId)
        entry.controller.abort(new AppError("not_found", "environment not found"));
    }
  }

  /** Ends all of them and lets no new one in. */
  shutdown(): void {
    this.#draining = true;
    for (const entry of this.#open) entry.controller.abort(shuttingDown());
  }

  #endBy(entry: Entry, atMs: number): void {
    if (atMs >= entry.endsAtMs) return;
    entry.endsAtMs = atMs;
    this.#setTimer(entry);
  }

  #setTimer(entry: Entry): void {
    if (entry.timer !== null) clearTimeout(entry.timer);
    const waitMs = entry.endsAtMs - this.clock.now().getTime();
    if (waitMs <= 0) {
      entry.controller.abort(tokenEnded());
      return;
    }
    // Longer timers overflow and fire at once.
    entry.timer = setTimeout(() => this.#setTimer(entry), Math.min(waitMs, MAX_TIMER_MS));
    entry.timer.unref();
  }
}

const MAX_TIMER_MS = 2 ** 31 - 1;

function tokenEnded(): AppError {
  return new AppError("unauthenticated", "the token was revoked, was rotated or has expired");
}

function shuttingDown(): AppError {
  return new AppError("unavailable", "the server is shutting down; come back with your newest sequence", {
    retryAfterSeconds: 1,
  });
}

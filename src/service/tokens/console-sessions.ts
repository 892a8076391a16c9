import { randomBytes } from "node:crypto";
import { LRUCache } from "lru-cache";
import { addSeconds, instantOf, type Clock, type Instant } from "../../core/clock.js";
import { idleEndOf, SESSION_MAX_SECONDS, type ConsoleSession } from "../../core/console/console-session.js";
import { AppError } from "../../core/error.js";
import { inChunks, inSteps } from "../../core/schedule/in-steps.js";
import type { KeyType, KnownToken, Principal } from "../../core/token.js";
import type { Store } from "../../store/store.js";
import type { Audit } from "../audit/audit.js";
import type { Sessions } from "../access/sessions.js";
import { equalHashes, liveCredential, type Authentication } from "./authentication.js";
import { hashRawKey } from "./raw-key.js";

/** Bytes of a session's id: 256 bits, as base64url 43 characters. */
const ID_BYTES = 32;
const ID = /^[A-Za-z0-9_-]{43}$/;

/** The types of tokens that may sign in. A runtime's or a scraper's token is no person's. */
export const SIGN_IN_TYPES: readonly KeyType[] = ["admin", "ci", "viewer"];

/** Browsers that are signed in with the same token; one more ends the one that was used longest ago. */
export const MAX_SESSIONS_OF_TOKEN = 100;

/** Sessions that were valid when they were last used here; about 150 bytes each. */
const MAX_KNOWN = 10_000;

/** A use is written this long after the one before at the earliest. */
const SEEN_EVERY_SECONDS = 60;

/** What is written of a use comes this much later at most: the interval of `flush`, with time to spare. */
const WRITTEN_AFTER_SECONDS = 30;

/** Ended sessions are kept so long. */
const KEPT_SECONDS = 3600;
const PRUNED_AT_ONCE = 500;
const READ_AT_ONCE = 500;
const USES_PER_WRITE = 50;

/** The id of a new session, which only the browser keeps, and the session. */
export interface OpenedConsoleSession {
  /** 43 characters of base64url. */
  readonly id: string;
  readonly session: ConsoleSession;
}

/** When a session ends. */
export interface SessionEnds {
  readonly createdAt: Instant;
  /** Without another call of its user. */
  readonly idleEndsAt: Instant;
  /** At most: its own end, or that of its token. */
  readonly endsAt: Instant;
}

/**
 * Browsers that are signed in to the console. A session stands for the key that signed in: it has the rights of its token, and ends with
 * it, on all nodes: each call reads its row. A sign-in by other means than a token would open its session here too, for the principal that
 * it proved.
 */
export class ConsoleSessions {
  /** Uses that are not written yet. */
  readonly #seen = new Map<string, Instant>();
  readonly #known = new LRUCache<string, true>({ max: MAX_KNOWN });

  constructor(
    private readonly deps: {
      readonly store: Store;
      readonly clock: Clock;
      readonly audit: Audit;
      readonly authentication: Pick<Authentication, "authenticateHash">;
      readonly sessions: Sessions;
    },
  ) {}

  /** Signs in. Throws `forbidden` for a token of another type than SIGN_IN_TYPES, `unauthenticated` for one that has just ended. */
  async open(principal: Principal): Promise<OpenedConsoleSession> {
    const { keyType, tokenId, orgId, keyHash } = principal;
    if (!SIGN_IN_TYPES.includes(keyType)) {
      const message = `a ${keyType} token cannot sign in to the console: use an admin, ci or viewer token`;
      throw new AppError("forbidden", message, { reason: "not_for_people" });
    }
    const { store, audit } = this.deps;
    const now = this.#now();
    const id = randomBytes(ID_BYTES).toString("base64url");
    const [hash, endsAt] = [hashRawKey(id), addSeconds(now, SESSION_MAX_SECONDS)];
    const session: ConsoleSession = { hash, tokenId, keyHash, createdAt: now, seenAt: now, endsAt };
    const ended = await store.write(async (tx) => {
      const token = await tx.token(orgId, tokenId);
      if (token === null || liveCredential(token, keyHash, now) === null) throw sessionOver();
      await tx.insertConsoleSession(session);
      const ended = await tx.limitConsoleSessions(tokenId, MAX_SESSIONS_OF_TOKEN);
      await audit.record(tx, orgId, principal, {
        action: "console.signed_in",
        resourceType: "token",
        resourceId: String(tokenId),
        metadata: { key_type: keyType, ends_at: endsAt, ...(ended === 0 ? {} : { ended_sessions: ended }) },
      });
      return ended;
    });
    // Failures of others at its address do not keep its first call out.
    this.#known.set(hash, true);
    if (ended > 0) await this.endStreams();
    return { id, session };
  }

  /**
   * The principal of a session's id: that of its token, with the end of the session. Throws `unauthenticated`, with one message for every
   * session that is not valid, and what the check of its token throws. Counts as use, unless `isUnattended`.
   */
  async authenticate(
    { id, isUnattended }: { readonly id: string; readonly isUnattended: boolean },
    onStopped?: (token: KnownToken) => void,
  ): Promise<Principal> {
    if (!ID.test(id)) throw sessionOver();
    const hash = hashRawKey(id);
    const session = await this.deps.store.read.consoleSession(hash);
    if (session === null || !equalHashes(session.hash, hash) || this.#isOver(session)) {
      this.#known.delete(hash);
      throw sessionOver();
    }
    const principal = await this.deps.authentication.authenticateHash(session.keyHash, onStopped);
    // A key can become another token's once its own was deleted.
    if (principal.tokenId !== session.tokenId) throw sessionOver();
    this.#known.set(hash, true);
    if (!isUnattended) this.#note(session);
    const { expiresAt } = principal;
    const endsAt = expiresAt !== null && expiresAt < session.endsAt ? expiresAt : session.endsAt;
    return { ...principal, sessionHash: hash, expiresAt: endsAt };
  }

  /** Whether an id was that of a valid session when it was last used here: nobody guesses one. */
  wasValid(id: string): boolean {
    return ID.test(id) && this.#known.has(hashRawKey(id));
  }

  /** When the session of a principal ends. Throws `unauthenticated` for a principal without one, and when it has ended meanwhile. */
  async endsOf({ sessionHash, expiresAt }: Principal): Promise<SessionEnds> {
    const session = sessionHash === undefined ? null : await this.deps.store.read.consoleSession(sessionHash);
    if (session === null) throw sessionOver();
    const endsAt = expiresAt !== null && expiresAt < session.endsAt ? expiresAt : session.endsAt;
    const idleEndsAt = idleEndOf(this.#asSeen(session));
    return { createdAt: session.createdAt, endsAt, idleEndsAt: idleEndsAt < endsAt ? idleEndsAt : endsAt };
  }

  /** Signs out, and ends the streams of the session; does nothing for a principal without one. */
  async end(principal: Principal): Promise<void> {
    const { sessionHash: hash, tokenId, orgId } = principal;
    if (hash === undefined) return;
    const { store, audit, sessions } = this.deps;
    await store.write(async (tx) => {
      if ((await tx.consoleSession(hash)) === null) return;
      await tx.deleteConsoleSession({ hash, tokenId });
      await audit.record(tx, orgId, principal, {
        action: "console.signed_out",
        resourceType: "token",
        resourceId: String(tokenId),
      });
    });
    this.#forget(hash);
    sessions.endConsoleSessions((ended) => ended === hash);
  }

  /** Writes the noted uses. Called every few seconds and at shutdown. */
  async flush(): Promise<void> {
    await inChunks([...this.#seen], USES_PER_WRITE, async (chunk) => {
      await this.deps.store.write(async (tx) => {
        for (const [hash, at] of chunk) await tx.touchConsoleSession(hash, at);
      });
      // What was noted meanwhile stays.
      for (const [hash, at] of chunk) if (this.#seen.get(hash) === at) this.#seen.delete(hash);
    });
  }

  /** Ends streams of this process whose session was ended by another node, or is over. Called every few seconds. */
  async endStreams(): Promise<void> {
    const { store, sessions } = this.deps;
    await inChunks([...sessions.consoleSessions], READ_AT_ONCE, async (hashes) => {
      const found = await store.read.consoleSessionsNamed(hashes);
      // Another node may have noted a use that it has not written yet.
      const live = new Set(found.filter((it) => !this.#isOver(it, WRITTEN_AFTER_SECONDS)).map(({ hash }) => hash));
      const asked = new Set(hashes);
      sessions.endConsoleSessions((hash) => asked.has(hash) && !live.has(hash));
    });
  }

  /** Deletes sessions that ended, in transactions between which others write. Ends early when the signal aborts. */
  async prune(signal?: AbortSignal): Promise<void> {
    const before = addSeconds(this.#now(), -KEPT_SECONDS);
    await inSteps(async () => {
      const deleted = await this.deps.store.write((tx) => tx.deleteConsoleSessions(before, PRUNED_AT_ONCE));
      return deleted === PRUNED_AT_ONCE;
    }, signal);
  }

  #note(session: ConsoleSession): void {
    const now = this.#now();
    if (addSeconds(this.#asSeen(session).seenAt, SEEN_EVERY_SECONDS) <= now) this.#seen.set(session.hash, now);
  }

  #forget(hash: string): void {
    this.#known.delete(hash);
    this.#seen.delete(hash);
  }

  #isOver(session: ConsoleSession, graceSeconds = 0): boolean {
    return addSeconds(idleEndOf(this.#asSeen(session)), graceSeconds) <= this.#now();
  }

  /** With a use that is not written yet. */
  #asSeen(session: ConsoleSession): ConsoleSession {
    const seenAt = this.#seen.get(session.hash);
    return seenAt === undefined || seenAt <= session.seenAt ? session : { ...session, seenAt };
  }

  #now(): Instant {
    return instantOf(this.deps.clock.now());
  }
}

function sessionOver(): AppError {
  return new AppError("unauthenticated", "not signed in, or the session has ended", { reason: "session_ended" });
}

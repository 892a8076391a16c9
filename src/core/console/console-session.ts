import { addSeconds, type Instant } from "../clock.js";

/** After so long without a call of its user a session of the console is over. In seconds. */
export const SESSION_IDLE_SECONDS = 30 * 60;

/** A session of the console lasts so long at most. In seconds. */
export const SESSION_MAX_SECONDS = 8 * 3600;

/** A browser that is signed in to the console with a token. */
export interface ConsoleSession {
  /** SHA-256 of the id in the browser's cookie, lower-case hex. */
  readonly hash: string;
  readonly tokenId: number;
  /** SHA-256 of the raw key that signed in: the session ends with that key, not with the token alone. */
  readonly keyHash: string;
  readonly createdAt: Instant;
  /** Its last use; written once a minute at most. */
  readonly seenAt: Instant;
  /** Its end, however much it is used. */
  readonly endsAt: Instant;
}

/** When a session is over if it is not used again. */
export function idleEndOf({ seenAt, endsAt }: Pick<ConsoleSession, "seenAt" | "endsAt">): Instant {
  const idleEnd = addSeconds(seenAt, SESSION_IDLE_SECONDS);
  return idleEnd < endsAt ? idleEnd : endsAt;
}

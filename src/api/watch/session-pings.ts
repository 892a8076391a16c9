import type { Http2Session } from "node:http2";

const waiting = new WeakMap<Http2Session, (() => void)[]>();

/**
 * Calls back when the peer answers a ping (RFC 9113, section 6.7); never when it does not. All streams of a session share the ping that
 * is under way.
 */
export function whenAnswered(session: Http2Session | undefined, answered: () => void): void {
  if (session === undefined || session.destroyed || session.closed) return;
  const others = waiting.get(session);
  if (others !== undefined) {
    others.push(answered);
    return;
  }
  const all = [answered];
  waiting.set(session, all);
  const isSent = session.ping((error) => {
    waiting.delete(session);
    if (error === null) for (const tell of all) tell();
  });
  // Too many are under way already: the next time it is tried again.
  if (!isSent) waiting.delete(session);
}

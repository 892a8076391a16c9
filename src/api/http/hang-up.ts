import { constants, type ServerHttp2Session } from "node:http2";
import type { Duplex } from "node:stream";

const CLOSE_LINGER_MS = 5_000;

/**
 * Does something to a connection, or to another stream than the one that is served, after the event in which it was decided. Node tells
 * what happens to a session and its streams from inside of nghttp2's reader, and so runs all that they set off, promises too: a session
 * that is ended there is read on, and never comes to an end (a loop that takes a core and 100 MiB a second). Nothing in this layer ends
 * connections but by this function's callers in this file.
 */
export function afterThisEvent(work: () => void): void {
  setImmediate(work);
}

/** Cuts a connection. */
export function cut(socket: Duplex): void {
  afterThisEvent(() => socket.destroy());
}

/** Gives the peer of a closed session some time to take what it was told and close its half of the connection, which it may never do. */
export function hangUp(socket: Duplex): void {
  const timer = setTimeout(() => socket.destroy(), CLOSE_LINGER_MS).unref();
  socket.once("close", () => clearTimeout(timer));
}

/** Says GOAWAY and lets the open streams end. */
export function closeSession(session: ServerHttp2Session): void {
  afterThisEvent(() => {
    if (!session.closed && !session.destroyed) session.close();
  });
}

/** Ends a session and its streams with GOAWAY and a code, and closes the socket. */
export function endSession(session: ServerHttp2Session, socket: Duplex, code: number): void {
  afterThisEvent(() => {
    if (session.destroyed) return;
    hangUp(socket);
    // Without an error Node sends NO_ERROR, whatever the code.
    if (code === constants.NGHTTP2_NO_ERROR) session.destroy();
    else session.destroy(new Error(`the session was ended with the code ${code}`), code);
  });
}

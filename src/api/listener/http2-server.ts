import { createServer, type ServerHttp2Session } from "node:http2";
import type { Socket } from "node:net";
import type { LimitObserver } from "../../core/limit.js";
import { carry, type Connection } from "../http/connection.js";
import { closeSession } from "../http/hang-up.js";
import type { RequestListener } from "../http/node-http.js";
import { continueOnRead, refuseExpectation } from "./expectations.js";
import { superviseSession } from "./http2-sessions.js";
import type { ListenerLimits } from "./limits.js";
import { limitUnknownStreams } from "./unknown-streams.js";

/** Serves the connections of HTTP/2 that it is given. */
export function createHttp2Server(handle: RequestListener, limits: ListenerLimits, observer: LimitObserver) {
  const sessions = new Set<ServerHttp2Session>();
  const { maxConcurrentStreams, windowBytes, maxSessionMiB, maxInvalidFrames } = limits.http2;
  const server = createServer(
    {
      settings: { maxConcurrentStreams, maxHeaderListSize: limits.maxHeaderBytes, initialWindowSize: windowBytes },
      maxSessionMemory: maxSessionMiB,
      maxSessionInvalidFrames: maxInvalidFrames,
      unknownProtocolTimeout: limits.firstBytesTimeoutMs,
    },
    handle,
  );
  server.on("checkContinue", (req, res) => {
    continueOnRead(req, res);
    handle(req, res);
  });
  server.on("checkExpectation", refuseExpectation);
  limitUnknownStreams(server);
  const accept = (socket: Socket, connection: Connection) => {
    server.once("session", (session) => {
      carry(session, connection);
      connection.startDrain = () => closeSession(session);
      sessions.add(session);
      session.once("close", () => sessions.delete(session));
      superviseSession(session, { limits, connection, observer });
    });
    server.emit("connection", socket);
  };
  const drain = () => {
    for (const session of sessions) closeSession(session);
  };
  return { accept, drain };
}

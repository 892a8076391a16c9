import { createServer } from "node:http2";
import type { Socket } from "node:net";
import type { LimitObserver } from "../../core/limit.js";
import { carry, type Connection } from "../http/connection.js";
import { closeSession } from "../http/hang-up.js";
import type { RequestListener } from "../http/node-http.js";
import { continueOnRead, refuseExpectation } from "./expectations.js";
import { SessionSupervisor } from "./http2-sessions.js";
import type { ListenerLimits } from "./limits.js";
import { limitUnauthenticatedStreams } from "./unauthenticated-streams.js";

/** Serves the connections of HTTP/2 that it is given. */
export function createHttp2Server(handle: RequestListener, limits: ListenerLimits, observer: LimitObserver) {
  const supervisor = new SessionSupervisor(limits, observer);
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
  limitUnauthenticatedStreams(server);
  const accept = (socket: Socket, connection: Connection) => {
    server.once("session", (session) => {
      carry(session, connection);
      connection.startDrain = () => closeSession(session);
      supervisor.add(session, connection);
    });
    server.emit("connection", socket);
  };
  return { accept, drain: () => supervisor.drain() };
}

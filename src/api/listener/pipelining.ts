import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";

/** The answers of a connection that are not over. */
const answersOf = new WeakMap<object, Set<ServerResponse>>();

/**
 * Tells every answer of an HTTP/1.1 connection that the connection is closed. Node notifies only the current one: those to requests
 * that were sent ahead (pipelining: RFC 9112, section 9.3.2) would wait for their "close" for ever, and all that is let go of then with them.
 */
export function closeWithSocket({ socket }: IncomingMessage, res: ServerResponse): void {
  const answers = answersOf.get(socket) ?? answersTo(socket);
  answers.add(res);
  res.once("close", () => answers.delete(res));
}

/** Whether an answer of a connection has begun and is not over. */
export function isAnswering(socket: object): boolean {
  return [...(answersOf.get(socket) ?? [])].some((res) => res.headersSent);
}

/**
 * Lets a request that was sent ahead wait until the answers before its own are on their way, so that however many there are, they cost no
 * more than one after the other. It is not begun when its connection is closed by then.
 */
export function waitForTurn(res: ServerResponse, begin: () => void): void {
  // Node gives an answer the socket when those before it have been sent.
  res.once("socket", () => {
    process.nextTick(() => {
      if (!res.destroyed) begin();
    });
  });
}

/** How many requests of the connection are not answered yet. */
export function unansweredOf({ socket }: IncomingMessage): number {
  return answersOf.get(socket)?.size ?? 0;
}

function answersTo(socket: Socket): Set<ServerResponse> {
  const answers = new Set<ServerResponse>();
  answersOf.set(socket, answers);
  socket.once("close", () => {
    for (const res of [...answers]) {
      // The current answer still has its socket; one before it is notified at the end of the current one.
      if (res.socket !== null || res.writableFinished || res.closed) continue;
      res.destroy();
      res.emit("close");
    }
  });
  return answers;
}

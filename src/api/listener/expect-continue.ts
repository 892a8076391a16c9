import type { Readable } from "node:stream";
import type { ServerResponse } from "node:http";
import type { NodeRequest, NodeResponse } from "../http/node-http.js";

/**
 * Asks a client that sent `Expect: 100-continue` for the body when somebody begins to read it, and not before: who is refused
 * need not send it at all.
 */
export function continueOnRead(req: NodeRequest, res: NodeResponse): void {
  const body: Readable = req;
  // Node reads a body through _read, whoever consumes it; there is no event before the first read.
  const read = body._read.bind(body);
  body._read = (size) => {
    body._read = read;
    if (!res.headersSent && !res.writableEnded) (res as ServerResponse).writeContinue();
    read(size);
  };
}

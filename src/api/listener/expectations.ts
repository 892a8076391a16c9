import type { Readable } from "node:stream";
import type { ServerResponse } from "node:http";
import { answerError } from "../http/answer.js";
import { plainError } from "../http/error-body.js";
import { requestIdOf, type NodeRequest, type NodeResponse } from "../http/node-http.js";

/**
 * Sends 100 Continue to a client that asked for it only when the body is first read, so that a refused request never sends its body.
 */
export function continueOnRead(req: NodeRequest, res: NodeResponse): void {
  const body: Readable = req;
  // Every consumer reads through _read; there is no event before the first read.
  const read = body._read.bind(body);
  body._read = (size) => {
    body._read = read;
    if (!res.headersSent && !res.writableEnded) (res as ServerResponse).writeContinue();
    read(size);
  };
}

/** Answers 417 to an `Expect` that is not 100-continue (RFC 9110, section 10.1.1). */
export function refuseExpectation(req: NodeRequest, res: NodeResponse): void {
  const requestId = requestIdOf(req);
  res.setHeader("X-Request-Id", requestId);
  const message = "the Expect header must be 100-continue";
  answerError(req, res, plainError(417, "Expectation Failed", message, requestId));
}

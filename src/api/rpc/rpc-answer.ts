import type { UniversalHandler, UniversalServerRequest } from "@connectrpc/connect/protocol";
import { universalResponseToNodeResponse } from "@connectrpc/connect-node";
import type { AppError } from "../../core/error.js";
import { toConnectError } from "../admission/error-status.js";
import type { PendingAnswer } from "../http/answer-memory.js";
import { closeUnread } from "../http/drain-body.js";
import type { NodeResponse } from "../http/node-http.js";
import { writeRefusal } from "../http/refusal.js";
import type { RequestReport } from "../http/request-outcome.js";
import type { WireForm } from "../http/wire-form.js";

/**
 * Answers with the response of the protocol's handler. Resolves when the answer has begun.
 *
 * @param pending told of the bytes of each part before it is sent
 */
export async function respond(
  handler: UniversalHandler,
  request: UniversalServerRequest,
  res: NodeResponse,
  pending?: PendingAnswer,
): Promise<void> {
  const answered = await handler(request);
  const { body } = answered;
  const response =
    pending === undefined || body === undefined ? answered : { ...answered, body: counted(body, pending) };
  // Not awaited: on success it never settles. What it rejects with is a write to a client that went away.
  universalResponseToNodeResponse(response, res).catch(() => res.destroy());
}

async function* counted(body: AsyncIterable<Uint8Array>, pending: PendingAnswer) {
  for await (const part of body) {
    pending.hold(part.byteLength);
    yield part;
  }
}

/** Answers with an error; when the head is out already there is no way to tell it but to cut the connection. */
export function refuse(res: NodeResponse, form: WireForm, report: RequestReport, error: AppError): void {
  report.error ??= error;
  if (res.headersSent) {
    res.destroy();
    return;
  }
  closeUnread(res);
  writeRefusal(res, form, toConnectError(error, report.requestId));
}

import type { WatchBundleResponse } from "../../gen/signet/v1/runtime_pb.js";

/** A message of a watch, and what its place in the stream means. */
export interface OrderedMessage {
  readonly message: WatchBundleResponse;
  /** The answer to the request: what is active, that nothing is, or that the cursor is the newest. */
  readonly isFirst: boolean;
  /** The server's newest sequence is below the cursor that was asked for. */
  readonly historyLost: boolean;
}

/**
 * The messages of one stream without those that go back. Only the first may name a sequence below `afterSequence`: a server
 * answers so when it no longer has the history that the cursor is from.
 */
export async function* keepOrder(
  messages: AsyncIterable<WatchBundleResponse>,
  afterSequence: number,
): AsyncGenerator<OrderedMessage> {
  let newest: number | undefined;
  for await (const message of messages) {
    const sequence = sequenceOf(message);
    const isFirst = newest === undefined;
    if (newest !== undefined && sequence < newest) continue;
    if (message.event.case === "activation" && sequence === (newest ?? afterSequence)) continue;
    newest = sequence;
    yield { message, isFirst, historyLost: isFirst && sequence < afterSequence };
  }
}

/** An activation's own sequence counts: the outer one is the stream's cursor. */
function sequenceOf({ sequence, event }: WatchBundleResponse): number {
  return event.case === "activation" ? event.value.sequence : sequence;
}

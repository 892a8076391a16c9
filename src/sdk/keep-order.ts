import type { WatchBundleResponse } from "../../gen/signet/v1/runtime_pb.js";

/** A message of a watch, with what its position in the stream implies. */
export interface OrderedMessage {
  readonly message: WatchBundleResponse;
  /** The response to the request: the active bundle, that nothing is active, or that the cursor is the newest. */
  readonly isFirst: boolean;
  /** The server does not have the activation of the cursor: its newest sequence is lower, or belongs to another activation. */
  readonly historyLost: boolean;
}

/** The last activation that a watch yielded. */
export interface WatchCursor {
  /** 0 for none. */
  readonly sequence: number;
  /** Empty when only the sequence is known. */
  readonly deploymentId: string;
}

/**
 * The messages of a stream without those that go back. Only the first may have a sequence below the cursor's, or another activation with
 * the same number: the response of a server that lost the history of the cursor.
 */
export async function* keepOrder(
  messages: AsyncIterable<WatchBundleResponse>,
  after: WatchCursor,
): AsyncGenerator<OrderedMessage> {
  let newest: number | undefined;
  for await (const message of messages) {
    const sequence = sequenceOf(message);
    const isFirst = newest === undefined;
    if (newest !== undefined && sequence < newest) continue;
    const isAnother = isFirst && isAnotherActivation(message, after);
    if (message.event.case === "activation" && sequence === (newest ?? after.sequence) && !isAnother) continue;
    newest = sequence;
    yield { message, isFirst, historyLost: isFirst && (sequence < after.sequence || isAnother) };
  }
}

/** A server that was restored from a backup assigns the same numbers again. */
function isAnotherActivation({ event }: WatchBundleResponse, { sequence, deploymentId }: WatchCursor): boolean {
  if (event.case !== "activation" || deploymentId === "") return false;
  return event.value.sequence === sequence && event.value.deploymentId !== deploymentId;
}

/** An activation has its own sequence; the outer one is the cursor of the stream. */
function sequenceOf({ sequence, event }: WatchBundleResponse): number {
  return event.case === "activation" ? event.value.sequence : sequence;
}

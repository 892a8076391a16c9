import type { WatchBundleResponse } from "../../gen/signet/v1/runtime_pb.js";

/** A message of a watch, and what its place in the stream means. */
export interface OrderedMessage {
  readonly message: WatchBundleResponse;
  /** The answer to the request: what is active, that nothing is, or that the cursor is the newest. */
  readonly isFirst: boolean;
  /** The server does not have the activation that the cursor names: its newest sequence is lower, or is another activation. */
  readonly historyLost: boolean;
}

/** The activation that a watch has. */
export interface WatchCursor {
  /** 0 for none. */
  readonly sequence: number;
  /** Empty when only the sequence is known. */
  readonly deploymentId: string;
}

/**
 * The messages of one stream without those that go back. Only the first may name a sequence below the cursor's, or another activation
 * of the same number: a server answers so when it no longer has the history that the cursor is from.
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

/** A server that was restored from a backup gives the same numbers out again. */
function isAnotherActivation({ event }: WatchBundleResponse, { sequence, deploymentId }: WatchCursor): boolean {
  if (event.case !== "activation" || deploymentId === "") return false;
  return event.value.sequence === sequence && event.value.deploymentId !== deploymentId;
}

/** An activation's own sequence counts: the outer one is the stream's cursor. */
function sequenceOf({ sequence, event }: WatchBundleResponse): number {
  return event.case === "activation" ? event.value.sequence : sequence;
}

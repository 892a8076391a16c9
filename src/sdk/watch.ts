import { timestampDate, timestampNow } from "@bufbuild/protobuf/wkt";
import type { Activation } from "../../gen/signet/v1/runtime_pb.js";
import { createBackoff, DEFAULT_BACKOFF, type BackoffOptions } from "./backoff.js";
import type { BundleCache, CachedActivation } from "./bundle-cache.js";
import type { SignetClient } from "./client.js";
import { keepOrder, type OrderedMessage, type WatchCursor } from "./keep-order.js";
import { limitSilence } from "./limit-silence.js";
import { reconnect } from "./reconnect.js";
import { verifyActivation, type Trust } from "./verify-activation.js";
import type { VerifiedActivation, WatchEvent } from "./watch-event.js";

export interface WatchOptions extends Trust {
  /** Names this instance in the fleet view; at most 128 characters. */
  readonly instanceId: string;
  /** Ends the watch. */
  readonly signal: AbortSignal;
  /** The newest sequence that was applied; 0 (nothing) by default. A cache that has a newer one counts instead. */
  readonly afterSequence?: number;
  /** The deployment_id of that activation: with it, another activation of the same number is seen after the server was restored. */
  readonly afterDeploymentId?: string;
  /** For the fleet view; at most 64. */
  readonly labels?: Readonly<Record<string, string>>;
  readonly cache?: BundleCache;
  /** How often the server sends a heartbeat, 15 s by default: after three times that without a word it is called again. */
  readonly heartbeatMs?: number;
  readonly backoff?: BackoffOptions;
}

/**
 * Follows the active bundle of the token's environment, for as long as the signal lets it.
 *
 * Yields verified activations, in order, and what else happens (see WatchEvent). Starts with what the cache has, so that a runtime
 * comes up while the server is away. Connects again by itself, from the newest sequence that it yielded. It may skip activations
 * that were superseded; it never yields a lower sequence than before, with one exception that says so: `historyLost`. Until
 * activations are attested, a server (or who sits in its place) can use that to bring back an older bundle; a runtime that must
 * not follow ignores such events.
 *
 * A document that does not verify is told as `rejected` and otherwise ignored. Throws SignetError, and ends, when the token is
 * refused, the environment is gone, or the request is wrong; everything else is tried again.
 */
export async function* watchBundle(
  client: Pick<SignetClient, "runtimes">,
  options: WatchOptions,
): AsyncGenerator<WatchEvent, void> {
  const { signal, instanceId, labels = {}, heartbeatMs = 15_000 } = options;
  const backoff = createBackoff(options.backoff ?? DEFAULT_BACKOFF);
  let cursor: WatchCursor = { sequence: options.afterSequence ?? 0, deploymentId: options.afterDeploymentId ?? "" };

  const open = () => {
    const { sequence: afterSequence, deploymentId: afterDeploymentId } = cursor;
    const request = { afterSequence, afterDeploymentId, instanceId, labels: { ...labels } };
    const call = (connection: AbortSignal) =>
      client.runtimes.watchBundle(request, { signal: connection, timeoutMs: 0 });
    return eventsOf(keepOrder(limitSilence(call, 3 * heartbeatMs, signal), cursor), options);
  };

  for await (const event of restore(options, cursor.sequence)) {
    if (event.type === "activation") cursor = event.activation;
    yield event;
  }
  for await (const event of reconnect(open, backoff, signal)) {
    if (event.type === "connected") backoff.reset();
    if (event.type === "nothing_active") cursor = { sequence: event.sequence, deploymentId: "" };
    if (event.type === "activation") cursor = event.activation;
    yield event;
  }
}

/** Only the activations of a watch. */
export async function* activationsOf(events: AsyncIterable<WatchEvent>): AsyncGenerator<VerifiedActivation, void> {
  for await (const event of events) {
    if (event.type === "activation") yield event.activation;
  }
}

async function* restore(options: WatchOptions, afterSequence: number): AsyncGenerator<WatchEvent> {
  let cached: CachedActivation | null | undefined;
  try {
    cached = await options.cache?.load();
  } catch (error) {
    yield { type: "cache_failed", error };
  }
  if (cached == null || cached.sequence <= afterSequence) return;
  yield await verifyActivation(cached, "cache", options, false);
}

async function* eventsOf(messages: AsyncIterable<OrderedMessage>, options: WatchOptions): AsyncGenerator<WatchEvent> {
  for await (const { message, isFirst, historyLost } of messages) {
    const { sequence, event } = message;
    if (isFirst) yield { type: "connected", sequence };
    switch (event.case) {
      case "activation":
        yield* accept(event.value, options, historyLost);
        break;
      case "nothingActive":
        yield { type: "nothing_active", sequence, historyLost };
        break;
      case "heartbeat":
        yield { type: "heartbeat", sequence };
        break;
      case undefined:
        // A newer server's kind of message.
        break;
    }
  }
}

async function* accept(pushed: Activation, options: WatchOptions, historyLost: boolean): AsyncGenerator<WatchEvent> {
  const { sequence, deploymentId, kind, version, policyHash, document } = pushed;
  const activatedAt = timestampDate(pushed.activatedAt ?? timestampNow()).toISOString();
  const activation = { sequence, deploymentId, kind, version, policyHash, activatedAt, document };
  const event = await verifyActivation(activation, "server", options, historyLost);
  if (event.type === "activation") {
    try {
      await options.cache?.store(activation);
    } catch (error) {
      yield { type: "cache_failed", error };
    }
  }
  yield event;
}

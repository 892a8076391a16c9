import { timestampDate, timestampNow, type Timestamp } from "@bufbuild/protobuf/wkt";
import type { Activation } from "../../gen/signet/v1/runtime_pb.js";
import { createBackoff, DEFAULT_BACKOFF } from "./backoff.js";
import type { SignetClient } from "./client.js";
import { keepOrder, type OrderedMessage, type WatchCursor } from "./keep-order.js";
import { KeptBundle, type RestoredBundle } from "./kept-bundle.js";
import { limitSilence } from "./limit-silence.js";
import { PublishedOrder } from "./published-order.js";
import { reconnect } from "./reconnect.js";
import { verifyActivation } from "./verify-activation.js";
import type { VerifiedActivation, WatchEvent } from "./watch-event.js";
import { checkWatchOptions, type WatchOptions } from "./watch-options.js";

/**
 * Follows the active bundle of the token's environment until the signal aborts.
 *
 * Yields verified activations in order, and other events (WatchEvent). Starts with the cached bundle, so that a runtime can start while
 * the server is unavailable. Reconnects by itself, from the newest sequence that it yielded. It may skip superseded activations; it
 * never yields a lower sequence than before, except after `historyLost`. A bundle older than one seen before is rejected
 * (`rolled_back`) unless it is a rollback or activation. Activations are not signed: a server, or an attacker in its position, can
 * return to an older bundle by one of these kinds; a runtime that must not follow ignores them.
 *
 * A document that does not verify is yielded as `rejected` and otherwise ignored. Throws SignetError and ends when a Signet server
 * refuses the token, the environment or the request for good; every other error is retried.
 *
 * Throws a TypeError at once for invalid options.
 */
export function watchBundle(
  client: Pick<SignetClient, "runtimes">,
  options: WatchOptions,
): AsyncGenerator<WatchEvent, void> {
  checkWatchOptions(options);
  return follow(client, options);
}

async function* follow(
  client: Pick<SignetClient, "runtimes">,
  options: WatchOptions,
): AsyncGenerator<WatchEvent, void> {
  const { signal, instanceId, labels = {}, heartbeatMs = 15_000 } = options;
  const backoff = createBackoff(options.backoff ?? DEFAULT_BACKOFF);
  const order = new PublishedOrder();
  const kept = new KeptBundle(options.cache, options.maxAgeMs);
  let cursor: WatchCursor = { sequence: options.afterSequence ?? 0, deploymentId: options.afterDeploymentId ?? "" };

  const open = () => {
    const { sequence: afterSequence, deploymentId: afterDeploymentId } = cursor;
    const request = { afterSequence, afterDeploymentId, instanceId, labels: { ...labels } };
    const call = (connection: AbortSignal) =>
      client.runtimes.watchBundle(request, { signal: connection, timeoutMs: 0 });
    return eventsOf(keepOrder(limitSilence(call, 3 * heartbeatMs, signal), cursor), options, kept, order);
  };

  for await (const event of restore(options, kept, order, cursor.sequence)) {
    if (event.type === "activation") cursor = event.activation;
    yield event;
  }
  for await (const event of reconnect(open, backoff, signal)) {
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

async function* restore(
  options: WatchOptions,
  kept: KeptBundle,
  order: PublishedOrder,
  afterSequence: number,
): AsyncGenerator<WatchEvent> {
  let restored: RestoredBundle | null = null;
  try {
    restored = await kept.restore();
  } catch (error) {
    yield { type: "cache_failed", error };
  }
  if (restored === null || restored.activation.sequence <= afterSequence) return;
  const { activation, ageMs, tooOld } = restored;
  const event = order.check(await verifyActivation(activation, "cache", options, false));
  if (event.type === "activation" && tooOld !== null) {
    const { sequence, deploymentId, version, policyHash } = activation;
    const about = { sequence, deploymentId, version, policyHash };
    yield { type: "rejected", from: "cache", ...about, reason: "too_old", message: tooOld };
  } else {
    yield event.type === "activation" ? { ...event, ageMs } : event;
  }
}

async function* eventsOf(
  messages: AsyncIterable<OrderedMessage>,
  options: WatchOptions,
  kept: KeptBundle,
  order: PublishedOrder,
): AsyncGenerator<WatchEvent> {
  for await (const { message, isFirst, historyLost } of messages) {
    const { sequence, event } = message;
    if (isFirst) yield { type: "connected", sequence };
    switch (event.case) {
      case "activation":
        yield* accept(event.value, options, kept, historyLost, order);
        break;
      case "nothingActive":
        if (historyLost) order.forget();
        yield { type: "nothing_active", sequence, historyLost };
        break;
      case "heartbeat":
        if (event.value.currentAt === undefined) yield* ifItFails(kept.confirm(sequence));
        yield { type: "heartbeat", sequence, currentAt: dateOf(event.value.currentAt) };
        break;
      case "trustRoot":
      case undefined:
        // Roots, which this watch does not ask for, and a newer server's kind of message.
        break;
    }
  }
}

async function* accept(
  pushed: Activation,
  options: WatchOptions,
  kept: KeptBundle,
  historyLost: boolean,
  order: PublishedOrder,
): AsyncGenerator<WatchEvent> {
  const { sequence, deploymentId, kind, version, policyHash, reason, document } = pushed;
  const activatedAt = timestampDate(pushed.activatedAt ?? timestampNow()).toISOString();
  const why = reason === undefined ? {} : { reason };
  const activation = { sequence, deploymentId, kind, version, policyHash, activatedAt, ...why, document };
  const event = order.check(await verifyActivation(activation, "server", options, historyLost));
  if (event.type === "activation") yield* ifItFails(kept.keep(activation));
  yield event;
}

async function* ifItFails(written: Promise<void>): AsyncGenerator<WatchEvent> {
  try {
    await written;
  } catch (error) {
    yield { type: "cache_failed", error };
  }
}

function dateOf(timestamp: Timestamp | undefined): Date | null {
  return timestamp === undefined ? null : timestampDate(timestamp);
}

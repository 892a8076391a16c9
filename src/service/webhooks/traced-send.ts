import type { Tracing } from "../../core/trace.js";
import type { OutboxEvent, Webhook } from "../../core/webhook.js";
import type { SendResult } from "../../outbound/send.js";
import type { WebhookSender } from "./webhook-sender.js";

/** Sends an event once, as a step of the trace of what caused it. `attempt` counts from 1. Rejects only when the signal aborts. */
export async function sendTraced(
  { sender, tracing }: { readonly sender: WebhookSender; readonly tracing: Tracing },
  webhook: Webhook,
  event: OutboxEvent,
  attempt: number,
  signal: AbortSignal,
): Promise<SendResult> {
  const attributes = { "signet.event_type": event.type, "signet.event_id": event.id, "signet.attempt": attempt };
  const span = tracing.start({
    ...{ name: "webhook delivery", kind: "client", parent: event.trace, startedMsAgo: 0 },
    attributes: { "http.request.method": "POST", ...attributes },
  });
  try {
    const result = await sender.send(webhook, event.id, event.body, signal, span.context);
    if (result.kind === "answered") span.set({ "http.response.status_code": result.status });
    // The code before the colon alone.
    if (result.kind === "failed") span.fail(result.error.split(":", 1)[0] ?? "failed");
    else if (result.status >= 300) span.fail(String(result.status));
    return result;
  } finally {
    span.end();
  }
}

import type { WebhookDelivery } from "../../../../gen/signet/v1/webhook_pb.js";
import { Status, type Tone } from "../../elements/text.js";

const TONES: Readonly<Record<string, Tone>> = {
  pending: "info",
  delivered: "good",
  failed: "bad",
  cancelled: "neutral",
};

/** The state of a delivery in words; one that waits for another try says so. */
export function DeliveryState({ delivery }: { readonly delivery: WebhookDelivery }) {
  const { state, attempts } = delivery;
  const isRetried = state === "pending" && attempts > 0;
  return (
    <Status tone={isRetried ? "warn" : (TONES[state] ?? "neutral")} text={isRetried ? "to be tried again" : state} />
  );
}

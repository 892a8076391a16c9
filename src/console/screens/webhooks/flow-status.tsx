import type { Webhook } from "../../../../gen/signet/v1/webhook_pb.js";
import { Status, type Tone } from "../../elements/text.js";
import { Time } from "../../elements/time.js";

const FLOWS: Readonly<Record<string, readonly [Tone, string]>> = {
  live: ["good", "live"],
  catching_up: ["info", "catching up"],
  circuit_open: ["bad", "circuit open"],
  off: ["neutral", "paused"],
};

/** How a webhook gets its events, as the server says it. */
export function FlowStatus({ webhook }: { readonly webhook: Webhook }) {
  const { flow, failingSince, disabledReason } = webhook;
  const [tone, text] = FLOWS[flow] ?? ["neutral", flow];
  const isDisabled = flow === "off" && disabledReason !== undefined;
  return (
    <span class="flow">
      <Status tone={isDisabled ? "bad" : tone} text={isDisabled ? "switched off by the server" : text} />
      {failingSince !== undefined && (
        <span class="muted">
          failing since <Time at={failingSince} />
        </span>
      )}
    </span>
  );
}

/** What a flow means, in a sentence. */
export function flowText({ flow, disabledReason }: Pick<Webhook, "flow" | "disabledReason">): string {
  switch (flow) {
    case "live":
      return "Each event is sent at once.";
    case "catching_up":
      return "It is behind, or new: events that wait are sent in order until one of them succeeds.";
    case "circuit_open":
      return "It failed five times in a row. One event at a time is tried, after longer and longer pauses of up to five minutes; the first success closes the circuit.";
    default:
      return disabledReason === undefined
        ? "Nothing is sent. Switched on again it continues where it stopped, as far as events are kept."
        : `The server switched it off: ${disabledReason}. Mend the endpoint, then resume it.`;
  }
}

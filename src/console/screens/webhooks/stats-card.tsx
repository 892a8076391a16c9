import { fullClient } from "../../data/full-client.js";
import { useCall } from "../../data/use-call.js";
import { Loaded } from "../../elements/states.js";
import { numberText } from "../../elements/counted.js";

/** Each state is counted so far. */
const MAX_COUNTED = 100_000;

/** Deliveries of the organization by what became of them. */
export function StatsCard({ org }: { readonly org: string }) {
  const stats = useCall(
    async (signal) => await fullClient.webhooks.getWebhookStats({ orgId: org }, { signal }),
    ["stats", org],
    { refreshOn: ["deliveries", "activations"] },
  );
  return (
    <section class="card" aria-label="Deliveries of the organization">
      <Loaded call={stats} lines={1}>
        {({ delivered, failed, pending, oldestPendingSeconds }) => (
          <ul class="figures">
            <Figure name="delivered" count={countText(delivered)} />
            <Figure name="pending" count={countText(pending)} />
            <Figure name="failed" count={countText(failed)} />
            <Figure name="oldest waits" count={pending === 0 ? "–" : durationText(oldestPendingSeconds)} />
          </ul>
        )}
      </Loaded>
    </section>
  );
}

function Figure({ name, count }: { readonly name: string; readonly count: string }) {
  return (
    <li class="figure">
      <span class="figure-count">{count}</span> <span>{name}</span>
    </li>
  );
}

function countText(count: number): string {
  return count >= MAX_COUNTED ? "100,000+" : numberText(count);
}

/** `45 s`, `3 min`, `5 h`, `2 d`. */
export function durationText(seconds: number): string {
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  return seconds < 48 * 3600 ? `${Math.floor(seconds / 3600)} h` : `${Math.floor(seconds / 86_400)} d`;
}

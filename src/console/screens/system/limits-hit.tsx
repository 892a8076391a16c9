import { SignetError } from "../../../sdk/signet-error.js";
import { links } from "../../data/links.js";
import { useCall } from "../../data/use-call.js";
import { Button } from "../../elements/button.js";
import { DataTable } from "../../elements/data-table.js";
import { Empty, Loaded } from "../../elements/states.js";
import { plainGet } from "./plain-get.js";

interface LimitCount {
  readonly limit: string;
  readonly count: number;
}

/** The limits that refused something since the server started, the most frequent first. */
export function LimitsHit() {
  const call = useCall(
    async (signal) => {
      const { status, text } = await plainGet("/metrics", signal);
      if (status !== 200) throw new SignetError("unavailable", `the metrics answered ${status}`);
      return limitsOf(text);
    },
    ["limits"],
  );
  return (
    <section class="stack" aria-labelledby="system-limits">
      <div class="row system-head">
        <h2 id="system-limits">Limits hit</h2>
        <Button size="small" icon="refresh" busy={call.isLoading} onClick={call.reload}>
          Look again
        </Button>
      </div>
      <Loaded call={call} lines={2}>
        {(limits) =>
          limits.length === 0 ? (
            <Empty title="No limit has refused anything since this server started" />
          ) : (
            <>
              <DataTable
                caption="Limits that refused something since the server started"
                columns={[
                  { header: "Limit", isRowHeader: true, cell: ({ limit }) => <code>{limit}</code> },
                  { header: "Refusals", isNumber: true, cell: ({ count }) => count },
                ]}
                rows={limits}
                keyOf={({ limit }) => limit}
              />
              <p class="muted">
                What each one is and how to raise it: <a href={links.docs("limits")}>limits</a>
              </p>
            </>
          )
        }
      </Loaded>
    </section>
  );
}

/** The counters of Prometheus' text form that are not 0. */
export function limitsOf(text: string): readonly LimitCount[] {
  return [...text.matchAll(/^signet_limit_refused_total\{[^}]*limit="([\w.-]+)"[^}]*\} (\d+)$/gm)]
    .map(([, limit = "", count = "0"]) => ({ limit, count: Number(count) }))
    .filter(({ count }) => count > 0)
    .sort((a, b) => b.count - a.count);
}

import { useState } from "preact/hooks";
import type { Finding } from "../../../../gen/signet/v1/system_pb.js";
import { fullClient } from "../../data/full-client.js";
import { useCall } from "../../data/use-call.js";
import { Button } from "../../elements/button.js";
import { DataTable, type Column } from "../../elements/data-table.js";
import { Loaded } from "../../elements/states.js";
import { Status, type Tone } from "../../elements/text.js";
import { Time } from "../../elements/time.js";

/** The server itself takes 30 seconds at most without `full`; with it, it reads the whole database. In milliseconds. */
const TIMEOUT_MS = { usual: 45_000, full: 600_000 };

const TONES: Readonly<Record<string, Tone>> = { ok: "good", warning: "warn", error: "bad" };

const RANK: Readonly<Record<string, number>> = { error: 0, warning: 1, ok: 2 };

const COLUMNS: readonly Column<Finding>[] = [
  {
    header: "Check",
    isRowHeader: true,
    cell: ({ id, level }) => (
      <>
        <Status tone={TONES[level] ?? "neutral"} text={level} />
        <br />
        <code>{id}</code>
      </>
    ),
  },
  {
    header: "Found",
    cell: ({ summary, remedy }) => (
      <>
        <p>
          <bdi>{summary}</bdi>
        </p>
        {remedy !== undefined && (
          <p class="muted">
            Do: <bdi>{remedy}</bdi>
          </p>
        )}
      </>
    ),
  },
];

/** What `signet doctor` finds of the server, what is wrong first. */
export function Diagnosis() {
  const [isFull, setFull] = useState(false);
  const call = useCall(
    (signal) =>
      fullClient.system.diagnoseServer(
        { full: isFull },
        { signal, timeoutMs: isFull ? TIMEOUT_MS.full : TIMEOUT_MS.usual },
      ),
    ["diagnosis", isFull],
  );
  return (
    <section class="stack" aria-labelledby="system-diagnosis">
      <div class="row system-head">
        <h2 id="system-diagnosis">Diagnosis</h2>
        <Button size="small" icon="refresh" busy={call.isLoading} onClick={call.reload}>
          Examine again
        </Button>
        {!isFull && (
          <Button size="small" onClick={() => setFull(true)}>
            Examine everything
          </Button>
        )}
      </div>
      {isFull && call.isLoading && <p class="muted">Every page, chain and key is read: this may take minutes.</p>}
      <Loaded call={call} lines={6}>
        {({ findings, at }) => (
          <>
            <DataTable
              caption="Findings, what is wrong first"
              columns={COLUMNS}
              rows={findings.toSorted((a, b) => (RANK[a.level] ?? 0) - (RANK[b.level] ?? 0))}
              keyOf={({ id, summary }) => `${id} ${summary}`}
            />
            <p class="muted">
              Examined <Time at={at} />
            </p>
          </>
        )}
      </Loaded>
    </section>
  );
}

import type { ServerNode } from "../../../../gen/signet/v1/system_pb.js";
import { fullClient } from "../../data/full-client.js";
import { useCall } from "../../data/use-call.js";
import { Button } from "../../elements/button.js";
import { DataTable, type Column } from "../../elements/data-table.js";
import { Loaded } from "../../elements/states.js";
import { Name, Status, Tag } from "../../elements/text.js";
import { Time } from "../../elements/time.js";

const COLUMNS: readonly Column<ServerNode>[] = [
  {
    header: "Node",
    isRowHeader: true,
    cell: ({ name, answering }) => (
      <>
        <Name text={name} /> {answering && <Tag>answers you</Tag>}
      </>
    ),
  },
  {
    header: "State",
    cell: ({ state, problem }) => (
      <>
        <Status tone={state === "live" ? "good" : state === "stale" ? "bad" : "neutral"} text={state} />
        {problem !== undefined && (
          <p class="muted">
            <bdi>{problem}</bdi>
          </p>
        )}
      </>
    ),
  },
  { header: "Streams", isNumber: true, cell: ({ streams }) => streams },
  { header: "Held polls", isNumber: true, isMinor: true, cell: ({ heldPolls }) => heldPolls },
  {
    header: "Behind",
    isNumber: true,
    isMinor: true,
    cell: ({ lagMs }) => (lagMs === undefined ? <span class="muted">–</span> : `${lagMs} ms`),
  },
  { header: "Version", isMinor: true, cell: ({ version }) => version },
  { header: "Schema", isMinor: true, cell: ({ schema }) => <code>{schema}</code> },
  { header: "Started", isMinor: true, cell: ({ startedAt }) => <Time at={startedAt} /> },
  { header: "Seen", isMinor: true, cell: ({ seenAt }) => <Time at={seenAt} /> },
];

/** The server processes on the database. */
export function Nodes() {
  const call = useCall((signal) => fullClient.system.listNodes({}, { signal }), ["nodes"]);
  return (
    <section class="stack" aria-labelledby="system-nodes">
      <div class="row system-head">
        <h2 id="system-nodes">Nodes</h2>
        <Button size="small" icon="refresh" busy={call.isLoading} onClick={call.reload}>
          Look again
        </Button>
      </div>
      <Loaded call={call} lines={2}>
        {({ data }) => <DataTable caption="Nodes" columns={COLUMNS} rows={data} keyOf={({ id }) => id} />}
      </Loaded>
    </section>
  );
}

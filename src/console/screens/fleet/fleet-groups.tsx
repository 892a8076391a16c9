import type { FleetGroup } from "../../../../gen/signet/v1/runtime_pb.js";
import { DataTable, type Column } from "../../elements/data-table.js";
import { FleetBar } from "../../elements/fleet-bar.js";

interface FleetGroupsProps {
  readonly groups: readonly FleetGroup[];
  readonly hasMore: boolean;
  /** What the groups are made of, for the heading. */
  readonly what: string;
  /** Undefined for a group that no filter names. */
  readonly hrefOf: (value: string | undefined) => string | undefined;
}

/** The fleet in groups; each leads to its instances. */
export function FleetGroups({ groups, hasMore, what, hrefOf }: FleetGroupsProps) {
  const columns: readonly Column<FleetGroup>[] = [
    { header: what, isRowHeader: true, cell: ({ value }) => <GroupName value={value} href={hrefOf(value)} /> },
    { header: "Live", cell: ({ counts }) => counts && <FleetBar counts={counts} /> },
    { header: "Unknown", isNumber: true, isMinor: true, cell: ({ counts }) => counts?.unknown },
    {
      header: "Not live",
      isNumber: true,
      isMinor: true,
      cell: ({ counts }) => counts && counts.instances - counts.live,
    },
    { header: "Instances", isNumber: true, cell: ({ counts }) => counts?.instances },
  ];
  return (
    <section class="stack" aria-labelledby="fleet-groups">
      <h2 id="fleet-groups">By {what.toLowerCase()}</h2>
      <DataTable
        caption={`Instances by ${what.toLowerCase()}`}
        columns={columns}
        rows={groups}
        keyOf={({ value }) => JSON.stringify(value ?? null)}
      />
      {hasMore && <p class="muted">The 100 largest groups. Narrow the filter to see others.</p>}
    </section>
  );
}

function GroupName({ value, href }: { readonly value: string | undefined; readonly href: string | undefined }) {
  const text = value === undefined || value === "" ? <span class="muted">none</span> : <bdi>{value}</bdi>;
  return href === undefined ? text : <a href={href}>{text}</a>;
}

import { useRef, useState } from "preact/hooks";
import type { AuditEvent } from "../../../../gen/signet/v1/audit_pb.js";
import { countingTotal } from "../../data/counting-total.js";
import { fullClient } from "../../data/full-client.js";
import { links } from "../../data/links.js";
import { tenancy } from "../../data/tenancy.js";
import { usePages } from "../../data/use-pages.js";
import { Button } from "../../elements/button.js";
import { DataTable, type Column } from "../../elements/data-table.js";
import { ErrorNote } from "../../elements/error-note.js";
import { Select } from "../../elements/field.js";
import { Empty, Skeleton } from "../../elements/states.js";
import { Actor } from "../../elements/text.js";
import { TextFilter } from "../../elements/text-filter.js";
import { TimeFilter } from "../../elements/time-filter.js";
import { Time } from "../../elements/time.js";
import { useQuery, type SetQuery } from "../../elements/use-query.js";
import { numberText } from "../../elements/counted.js";
import { auditRequest, KNOWN_ACTIONS, type AuditParams } from "./audit-filter.js";
import { EventPanel } from "./event-panel.js";
import { ExportDialog } from "./export-dialog.js";
import { metadataRows } from "./metadata.js";

/** Events that are read at once. */
const PAGE = 100;

interface AuditEventsProps {
  readonly org: string;
  readonly asked: AuditParams;
}

/** The events that match, newest first. */
export function AuditEvents({ org, asked }: AuditEventsProps) {
  const [query, set] = useQuery();
  const [isExporting, setExporting] = useState(false);
  // Events are read on from the last one: new ones would move the others.
  const cursors = useRef(new Map<number, number>());
  const pages = usePages<AuditEvent>(
    async ({ offset, limit, signal }) => {
      const before = offset === 0 ? undefined : cursors.current.get(offset);
      const counting = countingTotal(signal);
      const { events } = await fullClient.audit.listAuditEvents(
        { ...auditRequest(org, asked), limit, ...(before !== undefined && { before }) },
        counting,
      );
      const last = events.at(-1)?.id;
      if (last !== undefined) cursors.current.set(offset + events.length, last);
      return {
        items: events,
        total: events.length === 0 ? offset : Math.max(counting.total() ?? 0, offset + events.length),
      };
    },
    [org, asked],
    { limit: PAGE, refreshOn: ["audit", "activations"] },
  );
  const chosen = Number(query["event"] ?? "");
  const isFiltered = Object.keys(asked).length > 0;
  return (
    <div class="stack">
      <AuditFilters asked={asked} set={set} />
      <div class="row audit-actions">
        <span class="muted" role="status">
          {pages.total === undefined ? "" : `${totalText(pages.total)} ${isFiltered ? "match" : "in all"}`}
        </span>
        <Button icon="download" onClick={() => setExporting(true)} disabled={pages.total === 0}>
          Export…
        </Button>
      </div>
      {pages.error !== undefined && <ErrorNote error={pages.error} retry={pages.reload} />}
      {pages.total === undefined && pages.error === undefined && <Skeleton lines={8} />}
      {pages.total === 0 && (
        <Empty
          title="No event matches"
          action={isFiltered ? <a href={links.audit(org)}>Show all events</a> : undefined}
        />
      )}
      {pages.items.length > 0 && (
        <DataTable
          caption="Audit events"
          columns={columnsOf((id) => links.audit(org, { ...asked, event: id }))}
          rows={pages.items}
          keyOf={({ id }) => id}
          classOf={({ action }) => (action === "access.refused" ? "audit-row audit-refused" : "audit-row")}
          total={pages.total}
          onMore={pages.hasMore ? pages.more : undefined}
          isLoadingMore={pages.isLoading}
        />
      )}
      {Number.isInteger(chosen) && chosen > 0 && (
        <EventPanel org={org} id={chosen} onClose={() => set({ event: undefined })} />
      )}
      {isExporting && <ExportDialog org={org} asked={asked} onClose={() => setExporting(false)} />}
    </div>
  );
}

/** What the server counts of a filter. */
const MAX_COUNTED = 10_000;

function totalText(total: number): string {
  return total === MAX_COUNTED ? "10,000 or more" : numberText(total);
}

function AuditFilters({ asked, set }: { readonly asked: AuditParams; readonly set: SetQuery }) {
  const { project = "", env = "", actor = "", action = "", since = "", until = "" } = asked;
  const projects = (tenancy.value?.projects ?? []).map(({ slug, name }) => [slug, name] as const);
  const isKnown = project === "" || projects.some(([slug]) => slug === project);
  return (
    <div class="filters" role="search" aria-label="Filters of the audit">
      <Select
        label="Project"
        value={project}
        options={[["", "All"], ...projects, ...(isKnown ? [] : [[project, project] as const])]}
        onChange={(value) => set({ project: value, ...(value === "" && { env: "" }) })}
      />
      {project !== "" && <TextFilter label="Environment" value={env} onChange={(text) => set({ env: text })} />}
      <TextFilter
        label="Action"
        placeholder="bundle.* or bundle.activated"
        suggestions={KNOWN_ACTIONS}
        value={action}
        onChange={(text) => set({ action: text })}
      />
      <TextFilter
        label="Token"
        placeholder="Name, prefix or id"
        value={actor}
        onChange={(text) => set({ actor: text })}
      />
      <TimeFilter label="Since" value={since} onChange={(value) => set({ since: value })} />
      <TimeFilter label="Until" value={until} onChange={(value) => set({ until: value })} />
    </div>
  );
}

function columnsOf(hrefOf: (id: number) => string): readonly Column<AuditEvent>[] {
  return [
    {
      header: "Event",
      isNumber: true,
      isRowHeader: true,
      cell: ({ id, action }) => (
        <a href={hrefOf(id)} aria-label={`Event ${id}, ${action}`}>
          {id}
        </a>
      ),
    },
    { header: "When", cell: ({ createdAt }) => <Time at={createdAt} absolute /> },
    {
      header: "Action",
      cell: ({ action }) => (
        <code>
          <bdi>{action}</bdi>
        </code>
      ),
    },
    { header: "Who", cell: ({ performedBy, actor }) => <Actor performedBy={performedBy} actor={actor} /> },
    { header: "What", cell: (event) => <What event={event} /> },
    { header: "Address", isMinor: true, cell: ({ source }) => (source === undefined ? "" : <code>{source}</code>) },
  ];
}

/** The members of the metadata that tell the most, in one line. */
const TELLING = ["environment", "name", "to_version", "version", "kind", "key_prefix", "url", "reason", "count"];

function What({ event }: { readonly event: AuditEvent }) {
  const rows = metadataRows(event.metadata);
  const isSame = rows.some(({ name }) => name === "to_version");
  const telling = isSame ? TELLING.filter((name) => name !== "version") : TELLING;
  const shown = telling.flatMap((name) => rows.filter((row) => row.name === name)).slice(0, 4);
  if (shown.length === 0) {
    return (
      <span class="audit-what">
        {event.resourceType} <code class="muted">{event.resourceId.slice(0, 8)}</code>
      </span>
    );
  }
  return (
    <span class="audit-what">
      {shown.map(({ name, value }) => (
        <span key={name}>
          <span class="muted">{name.replaceAll("_", " ")}</span> <bdi>{value}</bdi>
        </span>
      ))}
    </span>
  );
}

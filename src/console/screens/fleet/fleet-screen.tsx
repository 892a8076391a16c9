import { useRoute } from "preact-iso/router";
import type { RuntimeInstance } from "../../../../gen/signet/v1/runtime_pb.js";
import { client } from "../../data/client.js";
import { links, type ProjectAt, type Query } from "../../data/links.js";
import { signetCommand } from "../../data/shell-words.js";
import { tenancy } from "../../data/tenancy.js";
import { useCall } from "../../data/use-call.js";
import { usePages } from "../../data/use-pages.js";
import { Button } from "../../elements/button.js";
import { DataTable, type Column } from "../../elements/data-table.js";
import { ErrorNote } from "../../elements/error-note.js";
import { Empty, Loaded, Skeleton } from "../../elements/states.js";
import { Tag } from "../../elements/text.js";
import { Time } from "../../elements/time.js";
import { useQuery } from "../../elements/use-query.js";
import { organizationCrumbs, projectCrumbs } from "../../shell/crumbs.js";
import { Page } from "../../shell/page.js";
import { figuresFilter, fleetParams, groupQuery, listFilter } from "./fleet-filter.js";
import { FleetFigures } from "./fleet-figures.js";
import { FleetFilters } from "./fleet-filters.js";
import { FleetGroups } from "./fleet-groups.js";
import { InstancePanel, instanceText } from "./instance-panel.js";
import { InstanceState } from "./instance-state.js";

/** Rows that are read at once: what the server gives at most. */
const PAGE = 100;
/** Labels that a row has room for. */
const SHOWN_LABELS = 2;

/** The instances of a project or of an organization, live. */
export function FleetScreen() {
  const { params } = useRoute();
  const [query, set] = useQuery();
  const org = params["org"] ?? "";
  const project = params["project"];
  const at: ProjectAt | string = project === undefined ? org : { org, project };
  const asked = fleetParams(query);
  const { group } = asked;
  const scope = { orgId: org, projectId: project ?? "" };

  const figures = useCall(
    async (signal) =>
      await client.runtimes.getFleetSummary(
        { ...scope, ...figuresFilter(asked), ...(group !== undefined && { groupBy: group }) },
        { signal },
      ),
    [scope, figuresFilter(asked), group],
    { refreshOn: ["fleet", "activations"] },
  );
  const environments = useCall(
    async (signal) => {
      const { groups } = await client.runtimes.getFleetSummary({ ...scope, groupBy: "environment" }, { signal });
      return groups.map(({ value }) => value ?? "").sort((a, b) => a.localeCompare(b, "en"));
    },
    ["environments", scope],
    { refreshOn: ["environments"] },
  );
  const pages = usePages<RuntimeInstance>(
    async ({ offset, limit, signal }) => {
      const request = { ...scope, ...listFilter(asked), offset, limit, order: "instance_id" };
      const { data, total } = await client.runtimes.listFleet(request, { signal });
      return { items: data, total };
    },
    [scope, listFilter(asked)],
    { limit: PAGE, refreshOn: ["fleet", "activations"] },
  );

  const hrefWith = (patch: Query) => links.fleet(at, { ...asked, ...patch });
  const open = (row: RuntimeInstance) => hrefWith({ instance: instanceText(row) });
  const columns = columnsOf({
    open,
    slugOf: project === undefined ? projectSlugOf : undefined,
    withEnvironment: asked.env === undefined,
  });
  const { labels, keys } = labelsOf(pages.items);
  const isFiltered = Object.keys(listFilter(asked)).length > 0;
  return (
    <Page
      title="Fleet"
      crumbs={project === undefined ? organizationCrumbs(org) : projectCrumbs({ org, project })}
      lead="Runtimes that enforce bundles, and what they say they applied."
      actions={
        <Button icon="refresh" busy={pages.isLoading && pages.items.length > 0} onClick={pages.reload}>
          Refresh
        </Button>
      }
    >
      <div class="stack">
        <Loaded call={figures} lines={2}>
          {({ counts }) =>
            counts && (
              <FleetFigures counts={counts} state={asked.state} hrefOf={(state) => hrefWith({ state: state ?? "" })} />
            )
          }
        </Loaded>
        <FleetFilters
          params={asked}
          set={set}
          environments={environments.value ?? []}
          labels={labels}
          labelKeys={keys}
        />
        {group !== undefined && figures.value !== undefined && (
          <FleetGroups
            groups={figures.value.groups}
            hasMore={figures.value.moreGroups}
            what={group.startsWith("label:") ? `Label ${group.slice("label:".length)}` : titleOf(group)}
            hrefOf={(value) => {
              const patch = groupQuery(group, value);
              return patch && hrefWith({ ...patch, group: "" });
            }}
          />
        )}
        {pages.error !== undefined && <ErrorNote error={pages.error} retry={pages.reload} />}
        {pages.total === undefined && pages.error === undefined && <Skeleton lines={8} />}
        {pages.total === 0 && <NoInstances isFiltered={isFiltered} project={project} clear={links.fleet(at)} />}
        {pages.items.length > 0 && (
          <DataTable
            caption="Instances"
            columns={columns}
            rows={pages.items}
            keyOf={(row) => `${row.projectId} ${row.environment} ${row.keyPrefix} ${row.instanceId}`}
            classOf={() => "fleet-row"}
            total={pages.total}
            onMore={pages.hasMore ? pages.more : undefined}
            isLoadingMore={pages.isLoading}
          />
        )}
      </div>
      {query["instance"] !== undefined && query["instance"] !== "" && (
        <InstancePanel
          scope={scope}
          text={query["instance"]}
          slugOf={projectSlugOf}
          onClose={() => set({ instance: undefined })}
        />
      )}
    </Page>
  );
}

function titleOf(group: string): string {
  return group.slice(0, 1).toUpperCase() + group.slice(1);
}

function projectSlugOf(id: string): string {
  return tenancy.value?.projects.find((project) => project.id === id)?.slug ?? id;
}

interface ColumnsOptions {
  readonly open: (row: RuntimeInstance) => string;
  /** For the instances of several projects. */
  readonly slugOf: ((projectId: string) => string) | undefined;
  readonly withEnvironment: boolean;
}

function columnsOf({ open, slugOf, withEnvironment }: ColumnsOptions): readonly Column<RuntimeInstance>[] {
  return [
    {
      header: "Instance",
      isRowHeader: true,
      cell: (row) => (
        <>
          <a href={open(row)} title={row.instanceId}>
            <bdi>{row.instanceId}</bdi>
          </a>
          {row.agent !== undefined && (
            <small class="muted" title={row.agent}>
              <bdi>{row.agent}</bdi>
            </small>
          )}
        </>
      ),
    },
    {
      header: "State",
      cell: (row) => (
        <>
          <InstanceState instance={row} />
          {row.reason !== undefined && (
            <small title={row.reason}>
              <bdi>{row.reason}</bdi>
            </small>
          )}
        </>
      ),
    },
    ...(slugOf === undefined
      ? []
      : [{ header: "Project", cell: (row: RuntimeInstance) => <bdi>{slugOf(row.projectId)}</bdi> }]),
    ...(withEnvironment
      ? [{ header: "Environment", cell: ({ environment }: RuntimeInstance) => <bdi>{environment}</bdi> }]
      : []),
    {
      header: "Sequence",
      isNumber: true,
      cell: ({ appliedSequence, behindBy = 0 }) => (
        <>
          {appliedSequence ?? "–"}
          {behindBy > 0 && <small>behind by {behindBy}</small>}
        </>
      ),
    },
    { header: "Version", isNumber: true, isMinor: true, cell: ({ appliedVersion }) => appliedVersion ?? "–" },
    { header: "Last seen", cell: ({ lastSeen }) => <Time at={lastSeen} /> },
    { header: "Labels", isMinor: true, cell: (row) => <Labels instance={row} /> },
  ];
}

function Labels({ instance }: { readonly instance: RuntimeInstance }) {
  const labels = Object.entries(instance.labels).map(([key, value]) => `${key}=${value}`);
  return (
    <>
      {labels.slice(0, SHOWN_LABELS).map((label, index) => (
        <span key={label} class="fleet-label">
          <Tag>{label}</Tag>
          {index === SHOWN_LABELS - 1 && labels.length > SHOWN_LABELS && (
            <span class="muted">+{labels.length - SHOWN_LABELS}</span>
          )}
        </span>
      ))}
    </>
  );
}

/** Labels of the rows that were read, and their keys: at most 50 of each. */
function labelsOf(rows: readonly RuntimeInstance[]): { labels: readonly string[]; keys: readonly string[] } {
  const labels = new Set<string>();
  const keys = new Set<string>();
  for (const row of rows) {
    for (const [key, value] of Object.entries(row.labels)) {
      if (keys.size < 50) keys.add(key);
      if (labels.size < 50) labels.add(`${key}=${value}`);
    }
  }
  return { labels: [...labels].sort(), keys: [...keys].sort() };
}

interface NoInstancesProps {
  readonly isFiltered: boolean;
  readonly project: string | undefined;
  readonly clear: string;
}

function NoInstances({ isFiltered, project, clear }: NoInstancesProps) {
  if (isFiltered) return <Empty title="No instance matches" action={<a href={clear}>Show all instances</a>} />;
  return (
    <Empty
      title="No runtime was seen yet"
      text="A runtime appears here when it names itself: in a watch, a held poll or a status report."
      command={signetCommand("watch", ["--project", project], "--env prod --instance-id my-runtime")}
    />
  );
}

import { useRoute } from "preact-iso/router";
import type { Deployment } from "../../../../gen/signet/v1/bundle_pb.js";
import { client } from "../../data/client.js";
import { links, projectAt, type ProjectAt } from "../../data/links.js";
import { can } from "../../data/session.js";
import { signetCommand } from "../../data/shell-words.js";
import { tenancy } from "../../data/tenancy.js";
import { timestampOfText } from "../../data/timestamps.js";
import { useCall } from "../../data/use-call.js";
import { usePages } from "../../data/use-pages.js";
import { Button } from "../../elements/button.js";
import { DataTable, type Column } from "../../elements/data-table.js";
import { ErrorNote } from "../../elements/error-note.js";
import { Select } from "../../elements/field.js";
import { Empty, Skeleton } from "../../elements/states.js";
import { Actor, Status, type Tone } from "../../elements/text.js";
import { TextFilter } from "../../elements/text-filter.js";
import { TimeFilter } from "../../elements/time-filter.js";
import { Time } from "../../elements/time.js";
import { useQuery } from "../../elements/use-query.js";
import { projectCrumbs } from "../../shell/crumbs.js";
import { Page } from "../../shell/page.js";
import { changeQuery, parseChange, type Change } from "../lanes/change/change.js";
import { ChangeHere } from "./change-here.js";
import { deploymentFilter, DEPLOYMENT_KIND_NAMES, type DeploymentParams } from "./deployment-filter.js";

/** Rows that are read at once. */
const PAGE = 50;

/** What became active in a project: where, by whom, from what, and why. */
export function DeploymentsScreen() {
  const { params } = useRoute();
  const [query, set] = useQuery();
  const at = projectAt(params);
  const scope = { orgId: at.org, projectId: at.project };
  const asked = deploymentFilter(query);
  const change = parseChange(query);

  const environments = useCall(
    async (signal) => (await client.organizations.listEnvironments(scope, { signal })).environments,
    ["environments", scope],
    { refreshOn: ["environments", "activations"] },
  );
  const pages = usePages<Deployment>(
    async ({ offset, limit, signal }) => {
      const { env, kind, actor, since, until } = asked;
      const [from, to] = [timestampOfText(since), timestampOfText(until)];
      const request = {
        ...{ ...scope, envName: env ?? "", offset, limit },
        ...(kind !== undefined && { kind }),
        ...(actor !== undefined && { actor }),
        ...(from !== undefined && { since: from }),
        ...(to !== undefined && { until: to }),
      };
      const { data, total } = await client.bundles.listDeployments(request, { signal });
      return { items: data, total };
    },
    [scope, asked],
    { limit: PAGE, refreshOn: ["activations"] },
  );
  const active = new Map((environments.value ?? []).map(({ name, activeVersion }) => [name, activeVersion]));
  const names = [...active.keys()];
  const columns = columnsOf({
    at,
    activeOf: (environment) => active.get(environment),
    activate: can("bundle:publish") ? (next) => set(changeQuery(next), { replace: false }) : undefined,
  });
  return (
    <Page title="Deployments" crumbs={projectCrumbs(at)} lead="What became active, newest first.">
      <div class="stack">
        <DeploymentFilters asked={asked} set={set} names={names} />
        {pages.error !== undefined && <ErrorNote error={pages.error} retry={pages.reload} />}
        {pages.total === undefined && pages.error === undefined && <Skeleton lines={8} />}
        {pages.total === 0 && <NoDeployments at={at} isFiltered={Object.keys(asked).length > 0} />}
        {pages.items.length > 0 && (
          <DataTable
            caption="Activations"
            columns={columns}
            rows={pages.items}
            keyOf={({ id }) => id}
            classOf={() => "deployment-row"}
            total={pages.total}
            onMore={pages.hasMore ? pages.more : undefined}
            isLoadingMore={pages.isLoading}
          />
        )}
      </div>
      {change !== undefined && (
        <ChangeHere
          at={at}
          change={change}
          onClose={() => set(changeQuery(undefined))}
          onChanged={() => {
            pages.reload();
            environments.reload();
          }}
        />
      )}
    </Page>
  );
}

interface DeploymentFiltersProps {
  readonly asked: DeploymentParams;
  readonly set: ReturnType<typeof useQuery>[1];
  readonly names: readonly string[];
}

function DeploymentFilters({ asked, set, names }: DeploymentFiltersProps) {
  const { env = "", kind = "", actor = "", since = "", until = "" } = asked;
  const shown = env === "" || names.includes(env) ? names : [...names, env];
  return (
    <div class="filters" role="search" aria-label="Filters of the deployments">
      <Select
        label="Environment"
        value={env}
        options={[["", "All"], ...shown.map((name) => [name, name] as const)]}
        onChange={(value) => set({ env: value })}
      />
      <Select
        label="Kind"
        value={kind}
        options={[["", "All"], ...DEPLOYMENT_KIND_NAMES.map((name) => [name, name] as const)]}
        onChange={(value) => set({ kind: value })}
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

function NoDeployments({ at, isFiltered }: { readonly at: ProjectAt; readonly isFiltered: boolean }) {
  if (isFiltered) return <Empty title="Nothing matches" action={<a href={links.deployments(at)}>Show all</a>} />;
  return (
    <Empty
      title="Nothing became active yet"
      text="Publish a bundle, or promote one."
      command={signetCommand("publish", ["--project", at.project], "--env dev -f policies.json")}
    />
  );
}

const TONES: Readonly<Record<string, Tone>> = { rollback: "warn", promote: "good", publish: "good" };

interface ColumnsOptions {
  readonly at: ProjectAt;
  /** The version that is active in an environment now; undefined while that is not known. */
  readonly activeOf: (environment: string) => number | undefined;
  /** Undefined for tokens that may not. */
  readonly activate: ((change: Change) => void) | undefined;
}

function columnsOf({ at, activeOf, activate }: ColumnsOptions): readonly Column<Deployment>[] {
  return [
    { header: "When", cell: ({ at: when }) => <Time at={when} /> },
    {
      header: "Environment",
      isRowHeader: true,
      cell: ({ environment, sequence }) => (
        <>
          <bdi>{environment}</bdi>
          <small class="muted">sequence {sequence}</small>
        </>
      ),
    },
    {
      header: "What",
      cell: (row) => (
        <>
          <Status tone={TONES[row.kind] ?? "info"} text={row.kind} icon={ICONS[row.kind] ?? "dot"} />
          <Versions row={row} at={at} />
        </>
      ),
    },
    { header: "From", isMinor: true, cell: (row) => <Origin row={row} at={at} /> },
    { header: "Who", cell: ({ performedBy, actor }) => <Actor performedBy={performedBy} actor={actor} /> },
    {
      header: "Why",
      cell: ({ reason, title }) => (
        <>
          {reason !== undefined && <bdi title={reason}>{reason}</bdi>}
          {title !== undefined && (
            <small class="muted" title={title}>
              <bdi>{title}</bdi>
            </small>
          )}
        </>
      ),
    },
    {
      header: "Actions",
      cell: (row) => {
        const active = activeOf(row.environment);
        return (
          <span class="row deployment-actions">
            {row.fromVersion !== undefined && (
              <a
                href={links.compare(at, {
                  from: `${row.environment}@${row.fromVersion}`,
                  to: `${row.environment}@${row.version}`,
                })}
              >
                Compare
                <span class="visually-hidden">{` ${row.fromVersion} and ${row.version} of ${row.environment}`}</span>
              </a>
            )}
            {activate !== undefined && active !== undefined && active !== row.version && (
              <Button
                size="small"
                icon="back"
                onClick={() => activate({ kind: "activate", env: row.environment, version: row.version })}
              >
                {row.version < active ? "Roll back to this" : "Activate this"}
                <span class="visually-hidden">{` (version ${row.version} of ${row.environment})`}</span>
              </Button>
            )}
            {active === row.version && <span class="muted">active</span>}
          </span>
        );
      },
    },
  ];
}

const ICONS = {
  rollback: "back",
  promote: "right",
  publish: "upload",
  activate: "check",
  import: "download",
} as Readonly<Record<string, "back" | "right" | "upload" | "check" | "download">>;

function Versions({ row, at }: { readonly row: Deployment; readonly at: ProjectAt }) {
  const { environment, fromVersion, version } = row;
  return (
    <span class="versions-change">
      {fromVersion !== undefined && (
        <>
          <a href={links.version(at, environment, fromVersion)}>{fromVersion}</a> <span aria-hidden="true">→</span>
          <span class="visually-hidden">to</span>{" "}
        </>
      )}
      <a href={links.version(at, environment, version)}>{version}</a>
    </span>
  );
}

function Origin({ row, at }: { readonly row: Deployment; readonly at: ProjectAt }) {
  const { sourceProjectId, sourceEnvironment, sourceVersion, sourceRevision, projectId } = row;
  const other = tenancy.value?.projects.find(({ id }) => id === sourceProjectId);
  const place =
    sourceProjectId === undefined || sourceProjectId === projectId ? at : other && { org: at.org, project: other.slug };
  return (
    <>
      {sourceEnvironment !== undefined && (
        <span>
          {place !== undefined && place !== at && (
            <>
              <bdi>{place.project}</bdi>/
            </>
          )}
          <bdi>{sourceEnvironment}</bdi>{" "}
          {sourceVersion !== undefined &&
            (place === undefined ? (
              sourceVersion
            ) : (
              <a href={links.version(place, sourceEnvironment, sourceVersion)}>{sourceVersion}</a>
            ))}
        </span>
      )}{" "}
      {sourceRevision !== undefined && (
        <code class="hash origin-revision" title={sourceRevision}>
          {/^[0-9a-f]{40}$|^[0-9a-f]{64}$/.test(sourceRevision) ? sourceRevision.slice(0, 12) : sourceRevision}
        </code>
      )}
    </>
  );
}

import { useRoute } from "preact-iso/router";
import { links, projectAt, type ProjectAt } from "../../data/links.js";
import { who } from "../../data/session.js";
import { projectOf } from "../../data/tenancy.js";
import { LinkButton } from "../../elements/button.js";
import { ErrorNote } from "../../elements/error-note.js";
import { Icon } from "../../elements/icon.js";
import { Empty, Skeleton } from "../../elements/states.js";
import { useQuery } from "../../elements/use-query.js";
import { counted } from "../../elements/counted.js";
import { organizationCrumbs } from "../../shell/crumbs.js";
import { Page } from "../../shell/page.js";
import { ChangeDialog } from "./change-dialog.js";
import { changeQuery, parseChange, type Change } from "./change/change.js";
import { LaneRow } from "./lane-row.js";
import type { Lane } from "./lane.js";
import { whyNoChange } from "./obstacles.js";
import { useLanes } from "./use-lanes.js";

/** The environments of a project in promotion order: what is active in each, who runs it, and the way to promote and undo. */
export function LanesScreen() {
  const { params } = useRoute();
  const at = projectAt(params);
  return <LanesOf key={`${at.org}/${at.project}`} at={at} />;
}

function LanesOf({ at }: { readonly at: ProjectAt }) {
  const [query, set] = useQuery();
  const { value: lanes, error, reload } = useLanes(at);
  const change = parseChange(query);
  const open = (next: Change | undefined) => set(changeQuery(next), { replace: next === undefined });
  const name = projectOf(at)?.name ?? at.project;
  const never = whyNoChange(who.value);
  return (
    <Page
      title={name}
      crumbs={organizationCrumbs(at.org)}
      lead={lanes === undefined || lanes.length === 0 ? undefined : <Lead lanes={lanes} />}
      actions={
        lanes !== undefined && lanes.length > 0 && <Actions at={at} lanes={lanes} isReadOnly={never !== undefined} />
      }
    >
      {error !== undefined && <ErrorNote error={error} retry={reload} />}
      {never !== undefined && (
        <p class="lanes-note">
          <Icon name="info" />
          {never}
        </p>
      )}
      {lanes === undefined && error === undefined && <Skeleton lines={8} />}
      {lanes?.length === 0 && <NoEnvironments at={at} />}
      {lanes !== undefined && lanes.length > 0 && (
        <>
          {lanes.every(({ environment }) => environment.sequence === 0) && <FirstPublish at={at} />}
          <LaneRow at={at} lanes={lanes} disabledBecause={never} onChange={open} />
          <ChangeDialog at={at} lanes={lanes} change={change} onClose={() => open(undefined)} onChanged={reload} />
        </>
      )}
    </Page>
  );
}

function Lead({ lanes }: { readonly lanes: readonly Lane[] }) {
  const known = lanes.flatMap(({ rollout }) => rollout ?? []);
  const sum = (part: "live" | "applied" | "rejected") => known.reduce((total, rollout) => total + rollout[part], 0);
  const count = counted(lanes.length, "environment");
  if (known.length === 0) return count;
  const live = counted(sum("live"), "live runtime");
  const rejected = sum("rejected") === 0 ? "" : ` · ${sum("rejected")} rejected what is active`;
  return `${count} · ${live}${rejected}`;
}

function Actions({
  at,
  lanes,
  isReadOnly,
}: {
  readonly at: ProjectAt;
  readonly lanes: readonly Lane[];
  readonly isReadOnly: boolean;
}) {
  const first = lanes.find(({ sources }) => sources === 0) ?? lanes[0];
  return (
    <>
      <LinkButton href={links.pipelines(at)}>Pipelines</LinkButton>
      {first !== undefined && !isReadOnly && (
        <LinkButton href={links.publish(at, first.environment.name)} icon="upload">
          Publish to {first.environment.name}
        </LinkButton>
      )}
    </>
  );
}

function FirstPublish({ at }: { readonly at: ProjectAt }) {
  return (
    <Empty
      title="Nothing has been published here yet"
      text="In four steps from a policy to a runtime that enforces it."
      action={
        <LinkButton kind="primary" href={links.start({ org: at.org, project: at.project })}>
          Start the first publish
        </LinkButton>
      }
    />
  );
}

function NoEnvironments({ at }: { readonly at: ProjectAt }) {
  return (
    <Empty
      title="This project has no environments"
      text="Policies are published to environments, such as dev, staging and prod."
      command={`signet envs create dev --project ${at.project}`}
      action={<LinkButton href={links.settings(at)}>Create an environment</LinkButton>}
    />
  );
}

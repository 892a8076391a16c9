import { useRoute } from "preact-iso/router";
import { useState } from "preact/hooks";
import type { Bundle } from "../../../../gen/signet/v1/bundle_pb.js";
import { announce } from "../../data/announce.js";
import { links, projectAt, type ProjectAt } from "../../data/links.js";
import { can } from "../../data/session.js";
import { projectOf, tenancy } from "../../data/tenancy.js";
import { Button, LinkButton } from "../../elements/button.js";
import { ErrorNote } from "../../elements/error-note.js";
import { Empty, Skeleton } from "../../elements/states.js";
import { Tabs } from "../../elements/tabs.js";
import { useQuery } from "../../elements/use-query.js";
import { counted, numberText } from "../../elements/counted.js";
import { projectCrumbs } from "../../shell/crumbs.js";
import { Page } from "../../shell/page.js";
import { formatSide } from "../compare/side.js";
import { DeleteDialog } from "./delete-dialog.js";
import { filterOf, picksOf, withPick } from "./filter.js";
import { PruneDialog } from "./prune-dialog.js";
import { useVersions } from "./use-versions.js";
import { VersionFilters } from "./version-filters.js";
import { VersionTable } from "./version-table.js";

/** The versions of an environment, newest first. */
export function VersionsScreen() {
  const { params } = useRoute();
  const at = projectAt(params);
  const project = projectOf(at);
  const [query] = useQuery();
  const names = (project?.environments ?? []).map(({ name }) => name);
  const env = query["env"] ?? names[0];
  return (
    <Page
      title={env === undefined ? "Versions" : `Versions of ${env}`}
      crumbs={projectCrumbs(at)}
      actions={
        env !== undefined &&
        can("bundle:publish") && (
          <LinkButton kind="primary" icon="plus" href={links.publish(at, env)}>
            Publish to {env}
          </LinkButton>
        )
      }
    >
      {names.length > 0 && (
        <Tabs
          label="Environments"
          tabs={names.map((name) => ({
            label: name,
            href: links.versions(at, {
              env: name,
              q: query["q"],
              label: query["label"],
              by: query["by"],
              revision: query["revision"],
            }),
            isCurrent: name === env,
          }))}
        />
      )}
      {env === undefined ? (
        <NoEnvironment isKnown={project !== undefined} at={at} />
      ) : (
        <Listed key={env} at={at} env={env} />
      )}
    </Page>
  );
}

function NoEnvironment({ isKnown, at }: { readonly isKnown: boolean; readonly at: ProjectAt }) {
  if (!isKnown && tenancy.value === undefined) return <Skeleton lines={6} />;
  return (
    <Empty
      title="No environment"
      text="Versions belong to an environment."
      command={`signet envs create dev --project ${at.project}`}
    />
  );
}

/** What a person is about to delete. */
type Deletion = { readonly kind: "prune" } | { readonly kind: "delete"; readonly bundle: Bundle };

function Listed({ at, env }: { readonly at: ProjectAt; readonly env: string }) {
  const [query, setQuery] = useQuery();
  const filter = filterOf(query);
  const versions = useVersions(at, env, filter);
  const [deletion, setDeletion] = useState<Deletion | undefined>(undefined);
  const { items, kept, next, error, isLoading } = versions;
  const isSearch = Object.keys(filter).length > 0;
  const picks = picksOf(query["pick"]);
  const activeVersion =
    items.find(({ isActive }) => isActive)?.version ??
    projectOf(at)?.environments.find(({ name }) => name === env)?.activeVersion;
  const limit = tenancy.value?.organization.versionsPerEnvironment;
  const done = (said: string) => () => {
    setDeletion(undefined);
    announce(said);
    versions.reload();
  };
  return (
    <>
      <VersionFilters query={query} onChange={(patch) => setQuery({ ...patch, pick: undefined })} />
      <div class="versions-bar">
        <Quota kept={kept} limit={limit} />
        <PickBar at={at} env={env} picks={picks} onClear={() => setQuery({ pick: undefined })} />
        {can("org:admin") && (
          <Button size="small" icon="trash" onClick={() => setDeletion({ kind: "prune" })}>
            Prune…
          </Button>
        )}
      </div>
      {error !== undefined && <ErrorNote error={error} retry={versions.reload} />}
      {items.length === 0 && isLoading && (
        <>
          {next !== undefined && <p class="muted">Nothing yet; looking at versions below {next}…</p>}
          <Skeleton lines={8} />
        </>
      )}
      {items.length === 0 && !isLoading && error === undefined && (
        <Nothing at={at} env={env} isSearch={isSearch} next={next} more={versions.more} />
      )}
      {items.length > 0 && (
        <VersionTable
          {...{ at, env, activeVersion, items, kept, isSearch, picks, isLoading }}
          onMore={next === undefined ? undefined : versions.more}
          onPick={(version, isPicked) => setQuery({ pick: withPick(picks, version, isPicked) })}
          onDelete={(bundle) => setDeletion({ kind: "delete", bundle })}
        />
      )}
      {deletion?.kind === "delete" && (
        <DeleteDialog
          at={at}
          env={env}
          bundle={deletion.bundle}
          quota={kept === undefined ? undefined : quotaText(kept, limit)}
          onDone={done(`Version ${deletion.bundle.version} was deleted`)}
          onClose={() => setDeletion(undefined)}
        />
      )}
      {deletion?.kind === "prune" && (
        <PruneDialog
          at={at}
          env={env}
          onDone={done("Old versions were deleted")}
          onClose={() => setDeletion(undefined)}
        />
      )}
    </>
  );
}

interface NothingProps {
  readonly at: ProjectAt;
  readonly env: string;
  readonly isSearch: boolean;
  readonly next: number | undefined;
  readonly more: () => void;
}

function Nothing({ at, env, isSearch, next, more }: NothingProps) {
  if (!isSearch) {
    return (
      <Empty
        title={`Nothing was published to ${env}`}
        text="Publish a policy document here, or from CI:"
        command={`signet publish --env ${env} -f policy.yaml`}
        action={can("bundle:publish") ? <LinkButton href={links.publish(at, env)}>Publish</LinkButton> : undefined}
      />
    );
  }
  if (next === undefined) return <Empty title="No version matches" text="All versions were searched." />;
  return (
    <Empty
      title="No version matches so far"
      text={`Versions below ${next} have not been searched yet.`}
      action={<Button onClick={more}>Keep searching</Button>}
    />
  );
}

function quotaText(kept: number, limit: number | undefined): string {
  if (limit === undefined) return `${counted(kept, "version")} kept`;
  return `${numberText(kept)} of at most ${numberText(limit)} versions kept`;
}

function Quota({ kept, limit }: { readonly kept: number | undefined; readonly limit: number | undefined }) {
  if (kept === undefined) return <span />;
  return (
    <span class="quota">
      <span class={limit !== undefined && kept >= limit ? "quota-full" : "muted"}>{quotaText(kept, limit)}</span>
      {limit !== undefined && <meter min={0} max={limit} high={limit * 0.9} value={kept} aria-label="Versions kept" />}
    </span>
  );
}

interface PickBarProps {
  readonly at: ProjectAt;
  readonly env: string;
  readonly picks: readonly number[];
  readonly onClear: () => void;
}

function PickBar({ at, env, picks, onClear }: PickBarProps) {
  const [one, other] = [...picks].sort((a, b) => a - b);
  if (one === undefined) return null;
  return (
    <div class="pick-bar" role="status">
      {other === undefined ? (
        <span>v{one} chosen: choose another version to compare it with</span>
      ) : (
        <LinkButton
          size="small"
          kind="primary"
          href={links.compare(at, {
            from: formatSide({ env, version: one }),
            to: formatSide({ env, version: other }),
          })}
        >
          Compare v{one} with v{other}
        </LinkButton>
      )}
      <Button size="small" kind="quiet" onClick={onClear}>
        Clear
      </Button>
    </div>
  );
}

import { useLocation } from "preact-iso/router";
import { useState } from "preact/hooks";
import type { PipelineSummary } from "../../../../gen/signet/v1/pipeline_pb.js";
import { fullClient } from "../../data/full-client.js";
import { links, type ProjectAt } from "../../data/links.js";
import { can } from "../../data/session.js";
import { tenancy } from "../../data/tenancy.js";
import { usePages } from "../../data/use-pages.js";
import { Button } from "../../elements/button.js";
import { ConfirmDialog } from "../../elements/confirm-dialog.js";
import { DataTable, type Column } from "../../elements/data-table.js";
import { ErrorNote } from "../../elements/error-note.js";
import { Field } from "../../elements/field.js";
import { Empty, Skeleton } from "../../elements/states.js";
import { Name, Tag } from "../../elements/text.js";
import { Time } from "../../elements/time.js";
import { projectCrumbs } from "../../shell/crumbs.js";
import { Page } from "../../shell/page.js";

/** The pipelines that the token sees, newest first. */
export function PipelineList({ at }: { readonly at: ProjectAt }) {
  const [isCreating, setCreating] = useState(false);
  const pages = usePages(
    async ({ offset, limit, signal }) => {
      const { data, total } = await fullClient.pipelines.listPipelines({ offset, limit }, { signal });
      return { items: data, total };
    },
    [at.org],
    { limit: 100, refreshOn: ["environments"] },
  );
  const create = can("write") ? (
    <Button kind="primary" icon="plus" onClick={() => setCreating(true)}>
      New pipeline
    </Button>
  ) : undefined;
  return (
    <Page
      title="Pipelines"
      crumbs={projectCrumbs(at)}
      lead="From one environment to many at once, in stages. All targets or none."
      actions={create}
    >
      {pages.error !== undefined && <ErrorNote error={pages.error} retry={pages.reload} />}
      {pages.total === undefined && pages.error === undefined && <Skeleton />}
      {pages.total === 0 && (
        <Empty
          title="There is no pipeline yet"
          text="A pipeline has stages, and each stage has environments, also of other projects."
          command={`signet pipeline create main --project ${at.project}`}
          action={create}
        />
      )}
      {pages.items.length > 0 && (
        <DataTable
          caption="Pipelines, newest first"
          columns={columns(at)}
          rows={pages.items}
          keyOf={({ id }) => id}
          total={pages.total}
          {...(pages.hasMore ? { onMore: pages.more } : {})}
          isLoadingMore={pages.isLoading}
        />
      )}
      {isCreating && <CreatePipeline at={at} onClose={() => setCreating(false)} />}
    </Page>
  );
}

function columns(at: ProjectAt): readonly Column<PipelineSummary>[] {
  const projectName = (id: string | undefined) =>
    id === undefined ? "the organization" : (tenancy.value?.projects.find((project) => project.id === id)?.name ?? id);
  return [
    {
      header: "Name",
      isRowHeader: true,
      cell: ({ id, displayName }) => (
        <a href={links.pipeline(at, id)}>
          <Name text={displayName} />
        </a>
      ),
    },
    { header: "Belongs to", cell: ({ projectId }) => <Name text={projectName(projectId)} /> },
    { header: "Type", isMinor: true, cell: ({ type }) => <Tag>{type}</Tag> },
    { header: "Changed", cell: ({ updatedAt }) => <Time at={updatedAt} /> },
    { header: "Created", isMinor: true, cell: ({ createdAt }) => <Time at={createdAt} /> },
  ];
}

function CreatePipeline({ at, onClose }: { readonly at: ProjectAt; readonly onClose: () => void }) {
  const { route } = useLocation();
  const [displayName, setName] = useState("");
  return (
    <ConfirmDialog
      title="New pipeline"
      action="Create pipeline"
      run={async () => {
        const { id } = await fullClient.pipelines.createPipeline({
          ...{ displayName: displayName.trim(), type: "trunk", projectId: at.project },
        });
        route(links.pipeline(at, id));
      }}
      onDone={onClose}
      onClose={onClose}
    >
      <Field label="Name" hint="It begins with the stages Development and Production.">
        {(field) => (
          <input
            {...field}
            required
            maxLength={255}
            value={displayName}
            autoComplete="off"
            onInput={(event) => setName(event.currentTarget.value)}
          />
        )}
      </Field>
    </ConfirmDialog>
  );
}

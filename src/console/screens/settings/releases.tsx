import type { Release } from "../../../../gen/signet/v1/trust_pb.js";
import { fullClient } from "../../data/full-client.js";
import type { ProjectAt } from "../../data/links.js";
import { usePages } from "../../data/use-pages.js";
import { DataTable, type Column } from "../../elements/data-table.js";
import { ErrorNote } from "../../elements/error-note.js";
import { Empty, Skeleton } from "../../elements/states.js";
import { Hash, Status } from "../../elements/text.js";
import { Time } from "../../elements/time.js";

const PAGE = 50;

const COLUMNS: readonly Column<Release>[] = [
  { header: "Number", isNumber: true, isRowHeader: true, cell: ({ number }) => number },
  { header: "Digest", cell: ({ digest }) => <Hash value={digest} /> },
  {
    header: "Allows",
    cell: ({ subjects, subjectCount }) => (
      <ul>
        {subjects.slice(0, 10).map(({ environment, contentSha256, ready, missing }) => (
          <li key={`${environment} ${contentSha256}`}>
            {environment}{" "}
            {ready ? <Status tone="good" text="ready" /> : <Status tone="warn" text={missing ?? "not ready"} />}
          </li>
        ))}
        {subjectCount > Math.min(10, subjects.length) && <li class="muted">{subjectCount} contents in all</li>}
      </ul>
    ),
  },
  {
    header: "State",
    cell: ({ problem }) =>
      problem === undefined ? (
        <Status tone="good" text="holds" />
      ) : (
        <Status tone="bad" text={problem === "revoked" ? "revoked" : "expired"} />
      ),
  },
  { header: "Ends", isMinor: true, cell: ({ expiresAt }) => <Time at={expiresAt} /> },
  { header: "Uploaded", isMinor: true, cell: ({ uploadedAt }) => <Time at={uploadedAt} /> },
];

/** The releases of a project's authors, newest first. */
export function Releases({ at }: { readonly at: ProjectAt }) {
  const list = usePages(
    async ({ offset, limit, signal }) => {
      const request = { orgId: at.org, projectId: at.project, offset, limit };
      const { data, total } = await fullClient.trust.listReleases(request, { signal });
      return { items: data, total };
    },
    ["releases", at.org, at.project],
    { limit: PAGE },
  );
  return (
    <section class="stack" aria-labelledby="trust-releases">
      <h2 id="trust-releases">Releases</h2>
      {list.error !== undefined && <ErrorNote error={list.error} retry={list.reload} />}
      {list.total === undefined && list.error === undefined && <Skeleton lines={2} />}
      {list.total === 0 && (
        <Empty
          title="No releases yet"
          text="Authors sign the contents that may become active."
          command={`signet release create policy.json --env prod --project ${at.project}`}
        />
      )}
      {list.items.length > 0 && (
        <DataTable
          caption="Releases, newest first"
          columns={COLUMNS}
          rows={list.items}
          keyOf={({ digest }) => digest}
          onMore={list.hasMore ? list.more : undefined}
          isLoadingMore={list.isLoading}
          total={list.total}
        />
      )}
    </section>
  );
}

import { client } from "../../data/client.js";
import { links, type ProjectAt } from "../../data/links.js";
import { usePages } from "../../data/use-pages.js";
import { Button } from "../../elements/button.js";
import { ErrorNote } from "../../elements/error-note.js";
import { Skeleton } from "../../elements/states.js";
import { Actor, Name, Tag } from "../../elements/text.js";
import { Time } from "../../elements/time.js";

interface ActivationsProps {
  readonly at: ProjectAt;
  readonly env: string;
  readonly version: number;
}

/** When the version became active, by whom, from where and why. */
export function Activations({ at, env, version }: ActivationsProps) {
  const pages = usePages(
    async ({ offset, limit, signal }) => {
      const path = { orgId: at.org, projectId: at.project, envName: env };
      const { data, total } = await client.bundles.listDeployments({ ...path, version, offset, limit }, { signal });
      return { items: data, total };
    },
    [at, env, version],
    { limit: 10, refreshOn: ["activations"] },
  );
  const { items, total, error, hasMore, more, isLoading, reload } = pages;
  return (
    <section class="card stack" aria-labelledby="activations-title">
      <h2 id="activations-title">Activations{total === undefined ? "" : ` (${total})`}</h2>
      {error !== undefined && <ErrorNote error={error} retry={reload} />}
      {items.length === 0 && isLoading && <Skeleton lines={3} />}
      {total === 0 && <p class="muted">It was never active.</p>}
      <ol class="activations">
        {items.map((deployment) => (
          <li key={deployment.id}>
            <p>
              <Tag>{deployment.kind}</Tag> <Time at={deployment.at} /> by{" "}
              <Actor performedBy={deployment.performedBy} actor={deployment.actor} />
            </p>
            <p class="muted">
              Sequence {deployment.sequence}
              {deployment.fromVersion !== undefined && (
                <>
                  , was <a href={links.version(at, env, deployment.fromVersion)}>v{deployment.fromVersion}</a>
                </>
              )}
              {deployment.sourceEnvironment !== undefined && (
                <>
                  , from <Name text={deployment.sourceEnvironment} />
                  {deployment.sourceVersion !== undefined && ` v${deployment.sourceVersion}`}
                </>
              )}
            </p>
            {deployment.reason !== undefined && deployment.reason !== "" && (
              <p>
                <Name text={deployment.reason} />
              </p>
            )}
          </li>
        ))}
      </ol>
      {hasMore && (
        <div>
          <Button size="small" busy={isLoading} onClick={more}>
            Show more
          </Button>
        </div>
      )}
    </section>
  );
}

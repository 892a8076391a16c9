import type { Bundle } from "../../../../gen/signet/v1/bundle_pb.js";
import { OPA_POLICIES } from "../../../core/bundle.js";
import { fullClient } from "../../data/full-client.js";
import { links, type ProjectAt } from "../../data/links.js";
import { useCall } from "../../data/use-call.js";
import { OutLink } from "../../elements/out-link.js";
import { Copy, Name, LabelTag, Tag } from "../../elements/text.js";
import { Time } from "../../elements/time.js";
import { Period } from "../versions/version-table.js";

interface FactsProps {
  readonly at: ProjectAt;
  readonly env: string;
  readonly bundle: Bundle;
}

/** What is known of a version beside its content. */
export function Facts({ at, env, bundle }: FactsProps) {
  const { description, labels, source, publishedAt, publishedBy, policyHash, origin, sequence, id, mediaType } = bundle;
  const entries = Object.entries(labels);
  return (
    <section class="card stack" aria-labelledby="facts-title">
      <h2 id="facts-title">About</h2>
      {description !== undefined && description !== "" && (
        <p class="description">
          <Name text={description} />
        </p>
      )}
      <dl class="facts">
        <dt>Active</dt>
        <dd>
          <Period bundle={bundle} />
        </dd>
        <dt>Published</dt>
        <dd>
          <Time at={publishedAt} />
          {publishedBy !== undefined && publishedBy !== "" && (
            <>
              {" by "}
              <a href={links.versions(at, { env, by: publishedBy })}>
                <Name text={publishedBy} />
              </a>
            </>
          )}
        </dd>
        <dt>Came by</dt>
        <dd>
          <Tag>{origin}</Tag>
          {origin === "import" && <Origin at={at} env={env} version={bundle.version} />}
        </dd>
        <dt>Kind</dt>
        <dd>{mediaType === OPA_POLICIES ? "Rego for OPA" : "JSON"}</dd>
        {source !== undefined && <Source at={at} env={env} source={source} />}
        {entries.length > 0 && (
          <>
            <dt>Labels</dt>
            <dd class="row">
              {entries.map(([key, value]) => (
                <a key={key} class="tag-link" href={links.versions(at, { env, label: `${key}=${value}` })}>
                  <LabelTag name={key} value={value} />
                </a>
              ))}
            </dd>
          </>
        )}
        {sequence !== undefined && (
          <>
            <dt>Sequence</dt>
            <dd>{sequence}</dd>
          </>
        )}
        <dt>Policy hash</dt>
        <dd class="fact-code">
          <code>{policyHash}</code> <Copy text={policyHash} label="Copy policy hash" compact />
        </dd>
        <dt>Id</dt>
        <dd class="fact-code">
          <code>{id}</code> <Copy text={id} label="Copy id" compact />
        </dd>
      </dl>
    </section>
  );
}

function Source({ at, env, source }: Omit<FactsProps, "bundle"> & { readonly source: NonNullable<Bundle["source"]> }) {
  const { repository, revision, url } = source;
  return (
    <>
      <dt>Source</dt>
      <dd class="stack-small">
        {url !== "" && <OutLink url={url} />}
        {repository !== "" && <OutLink url={repository} />}
        {revision !== "" && (
          <a href={links.versions(at, { env, revision })}>
            <Name text={revision} />
          </a>
        )}
      </dd>
    </>
  );
}

/** From which site an imported version is. */
function Origin({ at, env, version }: { readonly at: ProjectAt; readonly env: string; readonly version: number }) {
  const call = useCall(
    (signal) =>
      fullClient.transfers.getBundleOrigin({ orgId: at.org, projectId: at.project, envName: env, version }, { signal }),
    [at, env, version],
  );
  const origin = call.value?.origin;
  if (origin === undefined) return null;
  const { name, orgName, projectName, environment, serverUrl } = origin;
  return (
    <>
      {" from "}
      <Name text={name} />: <Name text={`${orgName} / ${projectName} / ${environment} v${origin.version}`} />
      {serverUrl !== undefined && (
        <>
          {" at "}
          <OutLink url={serverUrl} />
        </>
      )}
    </>
  );
}

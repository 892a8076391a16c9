import { useRoute } from "preact-iso/router";
import type { CompareBundlesResponse } from "../../../../gen/signet/v1/bundle_pb.js";
import { OPA_POLICIES } from "../../../core/bundle.js";
import type { SignetError } from "../../../sdk/signet-error.js";
import { client } from "../../data/client.js";
import { links, projectAt, type ProjectAt } from "../../data/links.js";
import { projectOf } from "../../data/tenancy.js";
import { useCall } from "../../data/use-call.js";
import { Button } from "../../elements/button.js";
import { ErrorNote } from "../../elements/error-note.js";
import { Empty, Skeleton } from "../../elements/states.js";
import { Tabs } from "../../elements/tabs.js";
import { Status } from "../../elements/text.js";
import { useQuery } from "../../elements/use-query.js";
import { projectCrumbs } from "../../shell/crumbs.js";
import { Page } from "../../shell/page.js";
import { ChangesList } from "./changes-list.js";
import { FilesDifference } from "./files-difference.js";
import { HashOnly } from "./hash-only.js";
import { MetadataDifference } from "./metadata-difference.js";
import { formatSide, parseSide, sideName, type Side } from "./side.js";
import { SidePicker } from "./side-picker.js";
import { TextDifference } from "./text-difference.js";
import { parseView, viewsOf } from "./view.js";

/** The difference of two versions of any environments of a project. */
export function CompareScreen() {
  const { params } = useRoute();
  const at = projectAt(params);
  const project = projectOf(at);
  const [query, setQuery] = useQuery();
  const from = parseSide(query["from"]);
  const to = parseSide(query["to"]);
  const environments = (project?.environments ?? []).map(({ name }) => name);
  const pick = (name: "from" | "to") => (side: Side) => setQuery({ [name]: formatSide(side), path: undefined });
  const title =
    from === undefined || to === undefined ? "Compare versions" : `Compare ${sideName(from)} with ${sideName(to)}`;
  return (
    <Page title={title} crumbs={projectCrumbs(at)}>
      <div class="compare-sides">
        <SidePicker legend="From" environments={environments} side={from} onChange={pick("from")} />
        <Button
          kind="quiet"
          icon="refresh"
          disabled={from === undefined || to === undefined}
          onClick={() => setQuery({ from: query["to"], to: query["from"], path: undefined })}
        >
          Swap
        </Button>
        <SidePicker legend="To" environments={environments} side={to} onChange={pick("to")} />
      </div>
      {from === undefined || to === undefined ? (
        <Empty title="Choose two versions" text="Of one environment, or of two: then as it would be promoted." />
      ) : (
        <Compared at={at} from={from} to={to} />
      )}
    </Page>
  );
}

function Compared({ at, from, to }: { readonly at: ProjectAt; readonly from: Side; readonly to: Side }) {
  const compared = useCall(
    (signal) =>
      client.bundles.compareBundles(
        {
          ...{ orgId: at.org, projectId: at.project, fromEnv: from.env, toEnv: to.env },
          ...(from.version !== undefined && { fromVersion: from.version }),
          ...(to.version !== undefined && { toVersion: to.version }),
        },
        { signal },
      ),
    [at, from, to],
    // What is active is another version then.
    { refreshOn: from.version === undefined || to.version === undefined ? ["activations"] : [] },
  );
  const { value, error } = compared;
  if (value === undefined && error !== undefined)
    return <Refused {...{ at, from, to, error }} retry={compared.reload} />;
  if (value === undefined) return <Skeleton lines={10} />;
  return <Views at={at} from={from} to={to} compared={value} />;
}

interface RefusedProps {
  readonly at: ProjectAt;
  readonly from: Side;
  readonly to: Side;
  readonly error: SignetError;
  readonly retry: () => void;
}

function Refused({ at, from, to, error, retry }: RefusedProps) {
  if (error.code === "too_large") return <HashOnly at={at} from={from} to={to} because={error.message} />;
  return <ErrorNote error={error} retry={retry} />;
}

interface ViewsProps {
  readonly at: ProjectAt;
  readonly from: Side;
  readonly to: Side;
  readonly compared: CompareBundlesResponse;
}

function Views({ at, from, to, compared }: ViewsProps) {
  const [query, setQuery] = useQuery();
  const onlyChanges = query["all"] === undefined;
  const { before, after, difference } = compared;
  const hasFiles = [after, before].every((side) => side === undefined || side.mediaType === OPA_POLICIES);
  const views = viewsOf(hasFiles);
  const view = parseView(query["view"], views);
  const sides = { from: formatSide(from), to: formatSide(to) };
  const isSame = before?.policyHash === after?.policyHash && before?.mediaType === after?.mediaType;
  const name = (side: typeof before) =>
    side === undefined ? "nothing active" : sideName({ env: side.environment, version: side.version });
  return (
    <>
      <p class="compare-lead">
        {isSame ? <Status tone="good" text="Same content" /> : <Status tone="info" text="Contents differ" />}{" "}
        <span>
          Before: <strong>{name(before)}</strong>, after: <strong>{name(after)}</strong>
          {before?.environment !== after?.environment &&
            `, as it would be promoted to ${before?.environment ?? to.env}: what would change there`}
          .
        </span>
      </p>
      <Tabs
        label="Views of the difference"
        tabs={views.map(([value, label]) => ({
          label: value === "changes" && difference !== undefined ? `${label} (${difference.changesTotal})` : label,
          href: links.compare(at, { ...sides, ...(value === views[0][0] ? {} : { view: value }) }),
          isCurrent: value === view,
        }))}
      />
      {view === "files" && <FilesDifference at={at} compared={compared} />}
      {view === "changes" && difference !== undefined && (
        <ChangesList
          difference={difference}
          hrefOf={(path) => links.compare(at, { ...sides, path, ...(hasFiles && { view: "unified" }) })}
        />
      )}
      {view === "metadata" && after !== undefined && <MetadataDifference at={at} before={before} after={after} />}
      {(view === "unified" || view === "split") && (
        <>
          <label class="check compare-only">
            <input
              type="checkbox"
              checked={onlyChanges}
              onChange={(event) => setQuery({ all: event.currentTarget.checked ? undefined : "1" })}
            />
            Only changes
          </label>
          <TextDifference at={at} compared={compared} mode={view} onlyChanges={onlyChanges} path={query["path"]} />
        </>
      )}
    </>
  );
}

import { useRef, useState } from "preact/hooks";
import type { Pipeline, PipelinePromotion } from "../../../../gen/signet/v1/pipeline_pb.js";
import { changeHeaders, client } from "../../data/client.js";
import { fullClient } from "../../data/full-client.js";
import type { ProjectAt } from "../../data/links.js";
import { useAction } from "../../data/use-action.js";
import { useCall } from "../../data/use-call.js";
import { Button } from "../../elements/button.js";
import { Dialog } from "../../elements/dialog.js";
import { ErrorNote } from "../../elements/error-note.js";
import { Check, Select } from "../../elements/field.js";
import { Skeleton } from "../../elements/states.js";
import { Status } from "../../elements/text.js";
import { Difference } from "../lanes/change/difference.js";
import { givenReason, ReasonField } from "../../elements/reason-field.js";
import { counted } from "../../elements/counted.js";
import { createKey } from "../lanes/change/retry-key.js";
import { Rollout } from "../lanes/change/rollout.js";
import { adviceFor } from "../lanes/obstacles.js";
import { appName, placedApps, proposedTargets, sourcesOf, targetsOf } from "./board.js";

interface PromotePipelineDialogProps {
  readonly at: ProjectAt;
  readonly pipeline: Pipeline;
  readonly sourceId: string;
  /** Chosen at first; none is the next stage. */
  readonly targetIds: readonly string[];
  readonly onSource: (sourceId: string) => void;
  readonly onClose: () => void;
  readonly onChanged: () => void;
}

/** Promotes from one environment to many: shows what would change in each, asks, and then follows each rollout. */
export function PromotePipelineDialog(props: PromotePipelineDialogProps) {
  const { at, pipeline, sourceId, targetIds, onSource, onClose, onChanged } = props;
  const possible = targetsOf(pipeline, sourceId);
  const [chosen, setChosen] = useState<readonly string[]>(() => {
    const wanted = targetIds.filter((id) => possible.some(({ app }) => app.appId === id));
    return wanted.length > 0 ? wanted : proposedTargets(pipeline, sourceId);
  });
  const [reason, setReason] = useState("");
  const [skipUnchanged, setSkip] = useState(true);
  const [made, setMade] = useState<readonly PipelinePromotion[] | undefined>();
  const key = useRef(createKey());
  const source = placedApps(pipeline).find(({ app }) => app.appId === sourceId)?.app;
  const request = {
    ...{ id: pipeline.id, sourceAppId: sourceId, targetAppIds: [...chosen] },
    ...(source?.activeVersion === undefined ? {} : { sourceVersion: source.activeVersion }),
  };
  const preview = useCall(
    (signal) =>
      fullClient.pipelines.promotePipeline(
        { ...request, dryRun: true },
        { signal, headers: changeHeaders({ skipUnchanged }) },
      ),
    chosen.length === 0 ? null : [request, skipUnchanged, states(pipeline, chosen)],
  );
  const promotion = useAction(async () => {
    const change = { ...request, ...givenReason(reason) };
    const idempotencyKey = key.current({ ...change, skipUnchanged });
    const headers = changeHeaders({ skipUnchanged, idempotencyKey });
    const { promotions } = await fullClient.pipelines.promotePipeline(change, { headers });
    onChanged();
    return promotions;
  });
  const previews = preview.value?.promotions ?? [];
  const isUseless = previews.length > 0 && previews.every(({ change }) => change?.skipped === true);
  const isReady = preview.value !== undefined && preview.error === undefined && !isUseless;
  const title = `Promote ${source === undefined ? "" : appName(source)}`;
  if (made !== undefined) {
    return (
      <Dialog
        title={title}
        wide
        onClose={onClose}
        footer={
          <Button kind="primary" onClick={onClose}>
            Close
          </Button>
        }
      >
        <MadePromotions at={at} pipeline={pipeline} promotions={made} />
      </Dialog>
    );
  }
  return (
    <Dialog
      title={title}
      wide
      onClose={onClose}
      footer={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" form="promote-many" kind="primary" busy={promotion.isRunning} disabled={!isReady}>
            {`Promote to ${counted(chosen.length, "environment")}`}
          </Button>
        </>
      }
    >
      <form
        id="promote-many"
        class="stack change"
        onSubmit={(event) => {
          event.preventDefault();
          if (isReady) void promotion.run().then(setMade);
        }}
      >
        <Select
          label="From"
          value={sourceId}
          onChange={onSource}
          options={sourcesOf(pipeline).map(({ app, stage }) => [
            app.appId,
            `${appName(app)} v${app.activeVersion ?? ""} (${stage.displayName})`,
          ])}
        />
        <fieldset class="promote-targets">
          <legend>To</legend>
          {possible.map(({ app, stage }) => (
            <Check
              key={app.appId}
              checked={chosen.includes(app.appId)}
              onChange={(isChosen) =>
                setChosen(isChosen ? [...chosen, app.appId] : chosen.filter((id) => id !== app.appId))
              }
              label={
                <>
                  {appName(app)}{" "}
                  <span class="muted">
                    <bdi>{stage.displayName}</bdi>
                  </span>
                </>
              }
            />
          ))}
        </fieldset>
        {chosen.length === 0 && <p class="muted">Choose at least one environment.</p>}
        {chosen.length > 0 && preview.value === undefined && preview.error === undefined && <Skeleton lines={3} />}
        {preview.error !== undefined && <Refused error={preview.error} retry={preview.reload} />}
        {isUseless && <p>Every chosen environment has this content already: there is nothing to do.</p>}
        <ul class="promote-previews">
          {previews.map(({ targetAppId, change }) => (
            <Target key={targetAppId} pipeline={pipeline} appId={targetAppId} change={change} />
          ))}
        </ul>
        <ReasonField value={reason} onInput={setReason} isTold />
        <Check checked={skipUnchanged} onChange={setSkip} label="Make no new version where the content is the same" />
        {promotion.error !== undefined && <Refused error={promotion.error} retry={preview.reload} />}
      </form>
    </Dialog>
  );
}

/** What the preview depends on besides the request. */
function states(pipeline: Pipeline, chosen: readonly string[]): readonly unknown[] {
  return placedApps(pipeline).flatMap(({ app }) => (chosen.includes(app.appId) ? [app.sequence ?? 0] : []));
}

function Refused({ error, retry }: { readonly error: Parameters<typeof adviceFor>[0]; readonly retry: () => void }) {
  const advice = adviceFor(error, "The source");
  return (
    <>
      <ErrorNote error={error} retry={retry} />
      {advice !== undefined && <p>{advice}</p>}
    </>
  );
}

interface TargetProps extends Pick<PipelinePromotion, "change"> {
  readonly pipeline: Pipeline;
  readonly appId: string;
}

function Target({ pipeline, appId, change }: TargetProps) {
  const app = placedApps(pipeline).find((placed) => placed.app.appId === appId)?.app;
  if (app === undefined || change === undefined) return null;
  const { unchanged, skipped, difference } = change;
  const count = difference?.changesTotal;
  const words = skipped
    ? "has this content, stays as it is"
    : unchanged
      ? "the same content as a new version"
      : count === undefined
        ? "differs"
        : count === 1
          ? "1 change"
          : `${count} changes`;
  return (
    <li>
      <details>
        <summary>
          <strong>{appName(app)}</strong> <Status tone={skipped || unchanged ? "neutral" : "info"} text={words} />
        </summary>
        <Difference difference={difference} compare={undefined} environment={appName(app)} />
      </details>
    </li>
  );
}

interface MadePromotionsProps {
  readonly at: ProjectAt;
  readonly pipeline: Pipeline;
  readonly promotions: readonly PipelinePromotion[];
}

function MadePromotions({ at, pipeline, promotions }: MadePromotionsProps) {
  return (
    <ul class="stack">
      {promotions.map(({ targetAppId, deploymentId, change }) => {
        const app = placedApps(pipeline).find((placed) => placed.app.appId === targetAppId)?.app;
        if (app === undefined) return null;
        return (
          <li key={targetAppId} class="stack">
            <h3>{appName(app)}</h3>
            {change?.skipped === true ? (
              <Status tone="neutral" text="Nothing was made: it has this content." />
            ) : (
              <Followed
                at={{ org: at.org, project: app.project }}
                environment={app.environment}
                deploymentId={deploymentId}
              />
            )}
          </li>
        );
      })}
    </ul>
  );
}

interface FollowedProps {
  readonly at: ProjectAt;
  readonly environment: string;
  readonly deploymentId: string;
}

function Followed({ at, environment, deploymentId }: FollowedProps) {
  const { value, error } = useCall(
    (signal) => client.bundles.getDeployment({ deploymentId }, { signal }),
    [deploymentId],
  );
  if (error !== undefined) return <ErrorNote error={error} />;
  if (value === undefined) return <Skeleton lines={2} />;
  return (
    <>
      <Status tone="good" text={`Version ${value.version} is active, sequence ${value.sequence}.`} />
      <Rollout at={at} environment={environment} sequence={value.sequence} />
    </>
  );
}

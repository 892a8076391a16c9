import type { Pipeline, PipelineApp, PipelineStage } from "../../../../gen/signet/v1/pipeline_pb.js";
import { fullClient } from "../../data/full-client.js";
import type { ProjectAt } from "../../data/links.js";
import { useAction } from "../../data/use-action.js";
import { Button } from "../../elements/button.js";
import { ErrorNote } from "../../elements/error-note.js";
import { Icon } from "../../elements/icon.js";
import { Menu, type MenuItem } from "../../elements/menu.js";
import { Name } from "../../elements/text.js";
import { AppCard } from "./app-card.js";
import { moved, proposedTargets, targetsOf } from "./board.js";
import type { Edit } from "./edit-dialogs.js";

interface StageProps {
  readonly at: ProjectAt;
  readonly pipeline: Pipeline;
  readonly stage: PipelineStage;
  readonly isLast: boolean;
  /** Why the caller does not edit the pipeline; undefined when it may. */
  readonly never: string | undefined;
  /** Why the caller promotes nothing. */
  readonly noPromotion: string | undefined;
  /** The app that is being dragged. */
  readonly dragged: string | undefined;
  readonly onDrag: (appId: string | undefined) => void;
  readonly onPromote: (sourceId: string, targetIds?: readonly string[]) => void;
  readonly onEdit: (edit: Edit) => void;
  readonly onChanged: () => void;
}

/** A stage with its environments. An app that is dragged here is promoted to all of them, or to the one that it is dropped on. */
export function Stage(props: StageProps) {
  const { at, pipeline, stage, isLast, never, noPromotion, dragged, onDrag, onPromote, onEdit, onChanged } = props;
  const goals = dragged === undefined ? [] : targetsOf(pipeline, dragged).map(({ app }) => app.appId);
  const own = stage.apps.map(({ appId }) => appId).filter((id) => goals.includes(id));
  const order = useAction(async (step: -1 | 1) => {
    await fullClient.pipelines.updatePipeline({ id: pipeline.id, stageOrder: moved(pipeline, stage.id, step) });
    onChanged();
  });
  const move = (label: string, step: -1 | 1): MenuItem => ({
    label,
    disabledBecause: never ?? (moved(pipeline, stage.id, step).length === 0 ? "It is already there." : undefined),
    onSelect: () => void order.run(step),
  });
  const items: readonly MenuItem[] = [
    {
      label: "Add an environment…",
      icon: "plus",
      disabledBecause: never,
      onSelect: () => onEdit({ kind: "add-app", stageId: stage.id }),
    },
    move("Move to the left", -1),
    move("Move to the right", 1),
    {
      ...{ label: "Delete the stage…", icon: "trash", isDanger: true, disabledBecause: never },
      onSelect: () => onEdit({ kind: "delete-stage", stage }),
    },
  ];
  const drop = (event: DragEvent, targets: readonly string[]) => {
    if (dragged === undefined || targets.length === 0) return;
    event.preventDefault();
    event.stopPropagation();
    onDrag(undefined);
    onPromote(dragged, targets);
  };
  const sourceIds = stage.apps.filter((app) => canPromote(pipeline, app)).map(({ appId }) => appId);
  return (
    <li
      class={own.length > 0 ? "stage stage-open" : "stage"}
      onDragOver={(event) => {
        if (own.length > 0) event.preventDefault();
      }}
      onDrop={(event) => drop(event, own)}
    >
      <section class="stage-box" aria-labelledby={`stage-${stage.id}`}>
        <header class="lane-head">
          <h2 id={`stage-${stage.id}`}>
            <Name text={stage.displayName} />
          </h2>
          {stage.branch !== undefined && stage.branch !== "" && (
            <span class="lane-sequence">
              <Name text={stage.branch} />
            </span>
          )}
          <Menu label={`Actions for the stage ${stage.displayName}`} icon="more" items={items} />
        </header>
        {order.error !== undefined && <ErrorNote error={order.error} />}
        {stage.apps.length === 0 && <p class="muted">No environment.</p>}
        <ul class="stage-apps">
          {stage.apps.map((app) => (
            <li key={app.appId} onDrop={(event) => drop(event, goals.includes(app.appId) ? [app.appId] : [])}>
              <AppCard
                at={at}
                app={app}
                canDrag={noPromotion === undefined && canPromote(pipeline, app)}
                noPromotion={noPromotion ?? (canPromote(pipeline, app) ? undefined : whyNot(pipeline, app))}
                never={never}
                onDrag={onDrag}
                onPromote={() => onPromote(app.appId)}
                onRemove={() => onEdit({ kind: "remove-app", stage, app })}
              />
            </li>
          ))}
        </ul>
      </section>
      {!isLast && (
        <div class="connector">
          <div class="connector-line" aria-hidden="true">
            <Icon name="right" />
          </div>
          {sourceIds[0] !== undefined && (
            <Button
              size="small"
              kind="primary"
              disabled={noPromotion !== undefined}
              title={noPromotion}
              aria-label={`Promote from ${stage.displayName}`}
              onClick={() => onPromote(sourceIds[0] ?? "", proposedTargets(pipeline, sourceIds[0] ?? ""))}
            >
              Promote
            </Button>
          )}
        </div>
      )}
    </li>
  );
}

function canPromote(pipeline: Pipeline, app: PipelineApp): boolean {
  return app.activeVersion !== undefined && targetsOf(pipeline, app.appId).length > 0;
}

function whyNot(pipeline: Pipeline, app: PipelineApp): string {
  return targetsOf(pipeline, app.appId).length === 0
    ? "No later stage has an environment."
    : "Nothing is active in it.";
}

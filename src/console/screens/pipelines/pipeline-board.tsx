import { useLocation } from "preact-iso/router";
import { useState } from "preact/hooks";
import type { Pipeline } from "../../../../gen/signet/v1/pipeline_pb.js";
import { fullClient } from "../../data/full-client.js";
import { links, type ProjectAt } from "../../data/links.js";
import { can, who } from "../../data/session.js";
import { useCall } from "../../data/use-call.js";
import { Button } from "../../elements/button.js";
import { Icon } from "../../elements/icon.js";
import { Menu, type MenuItem } from "../../elements/menu.js";
import { Loaded } from "../../elements/states.js";
import { useQuery } from "../../elements/use-query.js";
import { projectCrumbs } from "../../shell/crumbs.js";
import { Page } from "../../shell/page.js";
import { whyNoChange } from "../lanes/obstacles.js";
import { sourcesOf } from "./board.js";
import { EditDialog, type Edit } from "./edit-dialogs.js";
import { PromotePipelineDialog } from "./promote-dialog.js";
import { Stage } from "./stage.js";

/** The stages of a pipeline as columns, with what is active in each environment, and the way to promote to many. */
export function PipelineBoard({ at, id }: { readonly at: ProjectAt; readonly id: string }) {
  const call = useCall((signal) => fullClient.pipelines.getPipeline({ id }, { signal }), [id], {
    refreshOn: ["activations", "environments"],
  });
  const [edit, setEdit] = useState<Edit | undefined>();
  const { route } = useLocation();
  const pipeline = call.value;
  const never = can("write") ? undefined : `A ${who.value?.keyType ?? ""} token changes no pipeline.`;
  const items: readonly MenuItem[] = [
    { label: "Rename…", disabledBecause: never, onSelect: () => setEdit({ kind: "rename" }) },
    { label: "Add a stage…", icon: "plus", disabledBecause: never, onSelect: () => setEdit({ kind: "add-stage" }) },
    {
      label: "Delete the pipeline…",
      icon: "trash",
      isDanger: true,
      disabledBecause: never,
      onSelect: () => setEdit({ kind: "delete" }),
    },
  ];
  return (
    <Page
      title={pipeline?.displayName ?? "Pipeline"}
      crumbs={[...projectCrumbs(at), { label: "Pipelines", href: links.pipelines(at) }]}
      lead="Promotion goes to later stages, to many environments at once: all of them or none."
      actions={pipeline !== undefined && <Menu label="Edit" items={items} />}
    >
      <Loaded call={call} lines={8}>
        {(value) => <Board at={at} pipeline={value} never={never} onEdit={setEdit} onChanged={call.reload} />}
      </Loaded>
      {pipeline !== undefined && edit !== undefined && (
        <EditDialog
          pipeline={pipeline}
          edit={edit}
          onClose={() => setEdit(undefined)}
          onDone={() => {
            setEdit(undefined);
            if (edit.kind === "delete") route(links.pipelines(at));
            else call.reload();
          }}
        />
      )}
    </Page>
  );
}

interface BoardProps {
  readonly at: ProjectAt;
  readonly pipeline: Pipeline;
  /** Why the caller does not edit it; undefined when it may. */
  readonly never: string | undefined;
  readonly onEdit: (edit: Edit) => void;
  readonly onChanged: () => void;
}

function Board({ at, pipeline, never, onEdit, onChanged }: BoardProps) {
  const [query, set] = useQuery();
  const [dragged, setDragged] = useState<string | undefined>();
  const { promote: source, to } = query;
  const noPromotion = whyNoChange(who.value);
  const sources = sourcesOf(pipeline);
  const openPromotion = (sourceId: string, targets: readonly string[] = []) =>
    set({ promote: sourceId, to: targets.join(",") }, { replace: false });
  return (
    <>
      {noPromotion !== undefined && (
        <p class="lanes-note">
          <Icon name="info" />
          {noPromotion}
        </p>
      )}
      {/* eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- it scrolls */}
      <section class="lanes-box" aria-label="Stages in promotion order" tabIndex={0}>
        <ol class="stages">
          {pipeline.stages.map((stage, index) => (
            <Stage
              key={stage.id}
              at={at}
              pipeline={pipeline}
              stage={stage}
              isLast={index === pipeline.stages.length - 1}
              never={never}
              noPromotion={noPromotion}
              dragged={dragged}
              onDrag={setDragged}
              onPromote={openPromotion}
              onEdit={onEdit}
              onChanged={onChanged}
            />
          ))}
        </ol>
      </section>
      {sources.length === 0 && (
        <p class="muted">
          Nothing can be promoted yet: put environments into two stages, and publish to one of the first.{" "}
          {never === undefined && pipeline.stages[0] !== undefined && (
            <Button
              size="small"
              icon="plus"
              onClick={() => onEdit({ kind: "add-app", stageId: pipeline.stages[0]?.id ?? "" })}
            >
              Add an environment
            </Button>
          )}
        </p>
      )}
      {source !== undefined && (
        <PromotePipelineDialog
          key={source}
          at={at}
          pipeline={pipeline}
          sourceId={source}
          targetIds={(to ?? "").split(",").filter((target) => target !== "")}
          onSource={(next) => set({ promote: next, to: undefined })}
          onClose={() => set({ promote: undefined, to: undefined })}
          onChanged={onChanged}
        />
      )}
    </>
  );
}

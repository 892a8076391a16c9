import { useState } from "preact/hooks";
import type { Pipeline, PipelineApp, PipelineStage } from "../../../../gen/signet/v1/pipeline_pb.js";
import { fullClient } from "../../data/full-client.js";
import { tenancy } from "../../data/tenancy.js";
import { ConfirmDialog } from "../../elements/confirm-dialog.js";
import { NameField, Select } from "../../elements/field.js";
import { Name } from "../../elements/text.js";
import { counted } from "../../elements/counted.js";
import { appName, placedApps } from "./board.js";

/** A change of a pipeline, while its dialog is open. */
export type Edit =
  | { readonly kind: "rename" }
  | { readonly kind: "add-stage" }
  | { readonly kind: "delete" }
  | { readonly kind: "delete-stage"; readonly stage: PipelineStage }
  | { readonly kind: "add-app"; readonly stageId: string }
  | { readonly kind: "remove-app"; readonly stage: PipelineStage; readonly app: PipelineApp };

interface EditDialogProps {
  readonly pipeline: Pipeline;
  readonly edit: Edit;
  readonly onDone: () => void;
  readonly onClose: () => void;
}

/** The dialog of a change of a pipeline. Environments stay as they are in all of them. */
export function EditDialog({ pipeline, edit, ...rest }: EditDialogProps) {
  const { id, displayName } = pipeline;
  switch (edit.kind) {
    case "rename":
      return (
        <NameDialog
          {...rest}
          title="Rename the pipeline"
          action="Rename"
          name={displayName}
          run={(name) => fullClient.pipelines.updatePipeline({ id, displayName: name })}
        />
      );
    case "add-stage":
      return <AddStage pipeline={pipeline} {...rest} />;
    case "add-app":
      return <AddApp pipeline={pipeline} stageId={edit.stageId} {...rest} />;
    case "remove-app": {
      const { stage, app } = edit;
      return (
        <ConfirmDialog
          {...rest}
          title={`Take ${appName(app)} out of its stage`}
          action="Take out"
          run={() => fullClient.pipelines.removePipelineApp({ id, stageId: stage.id, appId: app.appId })}
        >
          <p>The environment stays as it is: what is active in it and its runtimes.</p>
        </ConfirmDialog>
      );
    }
    case "delete-stage": {
      const { stage } = edit;
      return (
        <ConfirmDialog
          {...rest}
          title="Delete a stage"
          action="Delete stage"
          isDanger
          asksReason
          run={(given) => fullClient.pipelines.deletePipelineStage({ id, stageId: stage.id, ...given })}
        >
          <p>
            <Name text={stage.displayName} />
          </p>
          <p>
            {stage.apps.length === 0
              ? "It has no environment."
              : `Its environments stay as they are, in no stage: ${stage.apps.map(appName).join(", ")}.`}
          </p>
        </ConfirmDialog>
      );
    }
    case "delete":
      return (
        <ConfirmDialog
          {...rest}
          title="Delete the pipeline"
          action="Delete pipeline"
          isDanger
          asksReason
          typed={displayName}
          run={(given) => fullClient.pipelines.deletePipeline({ id, ...given })}
        >
          <p>
            It has {counted(pipeline.stages.length, "stage")}. Its environments stay as they are, with what is active in
            them.
          </p>
        </ConfirmDialog>
      );
  }
}

interface NameDialogProps {
  readonly title: string;
  readonly action: string;
  readonly name: string;
  readonly run: (name: string) => Promise<unknown>;
  readonly onDone: () => void;
  readonly onClose: () => void;
}

function NameDialog({ name, run, ...rest }: NameDialogProps) {
  const [text, setText] = useState(name);
  return (
    <ConfirmDialog {...rest} run={() => run(text.trim())}>
      <NameField value={text} onInput={setText} />
    </ConfirmDialog>
  );
}

type AddProps = Omit<EditDialogProps, "edit">;

function AddStage({ pipeline, ...rest }: AddProps) {
  const [name, setName] = useState("");
  const last = pipeline.stages.length;
  const [before, setBefore] = useState(String(last));
  return (
    <ConfirmDialog
      {...rest}
      title="Add a stage"
      action="Add stage"
      run={() =>
        fullClient.pipelines.createPipelineStage({
          id: pipeline.id,
          displayName: name.trim(),
          insertBefore: Number(before),
        })
      }
    >
      <NameField value={name} onInput={setName} />
      <Select
        label="Where"
        value={before}
        onChange={setBefore}
        options={[
          ...pipeline.stages.map(({ order, displayName }) => [String(order), `before ${displayName}`] as const),
          [String(last), "at the end"] as const,
        ]}
      />
    </ConfirmDialog>
  );
}

function AddApp({ pipeline, stageId, ...rest }: AddProps & { readonly stageId: string }) {
  const taken = new Set(placedApps(pipeline).map(({ app }) => app.appId));
  const free = (tenancy.value?.projects ?? []).flatMap((project) =>
    project.environments
      .filter(({ id }) => !taken.has(id))
      .map(
        (environment) => [environment.id, appName({ project: project.slug, environment: environment.name })] as const,
      ),
  );
  const [appId, setAppId] = useState(free[0]?.[0] ?? "");
  const stage = pipeline.stages.find(({ id }) => id === stageId);
  return (
    <ConfirmDialog
      {...rest}
      title="Add an environment"
      action="Add environment"
      run={() => fullClient.pipelines.addPipelineApp({ id: pipeline.id, stageId, appId })}
    >
      <p>
        To the stage <Name text={stage?.displayName ?? ""} />. An environment is in one stage only, of all pipelines.
      </p>
      {free.length === 0 ? (
        <p>Every environment that you see is in this pipeline already.</p>
      ) : (
        <Select label="Environment" value={appId} onChange={setAppId} options={free} />
      )}
    </ConfirmDialog>
  );
}

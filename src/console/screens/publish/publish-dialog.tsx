import { useRef, useState } from "preact/hooks";
import type { Bundle } from "../../../../gen/signet/v1/bundle_pb.js";
import type { Environment } from "../../../../gen/signet/v1/organization_pb.js";
import type { SignetError } from "../../../sdk/signet-error.js";
import { changeHeaders, client } from "../../data/client.js";
import type { ProjectAt } from "../../data/links.js";
import { createKey } from "../lanes/change/retry-key.js";
import { useAction } from "../../data/use-action.js";
import { useCall } from "../../data/use-call.js";
import { Button } from "../../elements/button.js";
import { Dialog } from "../../elements/dialog.js";
import { ErrorNote } from "../../elements/error-note.js";
import { givenReason, ReasonField } from "../../elements/reason-field.js";
import { Skeleton } from "../../elements/states.js";
import { Status } from "../../elements/text.js";
import { ChangesList } from "../compare/changes-list.js";
import { requestOf, type Draft } from "./draft.js";

interface PublishDialogProps {
  readonly at: ProjectAt;
  readonly environment: Environment;
  /** The sequence of the environment when writing began: what is active since then was not looked at. */
  readonly baseSequence: number;
  readonly draft: Draft;
  /** The server refused fields of the text. */
  readonly onRefused: (error: SignetError) => void;
  readonly onPublished: (bundle: Bundle, isActivated: boolean) => void;
  readonly onClose: () => void;
}

/** Shows what a publication changes, and makes it. */
export function PublishDialog(props: PublishDialogProps) {
  const { at, environment, baseSequence, draft, onRefused, onPublished, onClose } = props;
  const [isActivated, setActivated] = useState(true);
  const [reason, setReason] = useState("");
  const key = useRef(createKey());
  const request = {
    ...{ orgId: at.org, projectId: at.project, envName: environment.name, activate: isActivated },
    ...requestOf(draft),
  };
  // Only what becomes active replaces what another one made active meanwhile.
  const guard = isActivated ? { ifMatch: baseSequence } : {};
  const preview = useCall(
    (signal) => client.bundles.publishBundle({ ...request, dryRun: true }, { signal, headers: changeHeaders(guard) }),
    [request, guard],
  );
  const publish = useAction(async () => {
    const whole = { ...request, ...givenReason(reason) };
    const headers = changeHeaders({ ...guard, idempotencyKey: key.current({ whole, guard }) });
    return await client.bundles.publishBundle(whole, { headers });
  });
  const refusal = publish.error ?? preview.error;
  const canPublish = preview.value !== undefined && preview.error === undefined;
  const submit = async (event: Event) => {
    event.preventDefault();
    if (!canPublish) return;
    const bundle = await publish.run();
    if (bundle !== undefined) onPublished(bundle, isActivated);
  };
  return (
    <Dialog
      title={`Publish to ${environment.name}`}
      wide
      onClose={onClose}
      footer={
        <>
          <Button onClick={onClose}>Back to the editor</Button>
          <Button type="submit" form="publish" kind="primary" busy={publish.isRunning} disabled={!canPublish}>
            {isActivated ? "Publish and activate" : "Publish, keep only"}
          </Button>
        </>
      }
    >
      <form id="publish" class="stack" onSubmit={(event) => void submit(event)}>
        <fieldset class="publish-how">
          <legend>Then</legend>
          {[
            [true, `activate it: runtimes of ${environment.name} get it at once`],
            [false, "keep it only: it can be activated later"],
          ].map(([value, label]) => (
            <label class="check" key={String(value)}>
              <input
                type="radio"
                name="activate"
                checked={isActivated === value}
                onChange={() => setActivated(value === true)}
              />
              {label}
            </label>
          ))}
        </fieldset>
        {preview.value === undefined && preview.error === undefined && <Skeleton lines={4} />}
        {preview.value !== undefined && preview.error === undefined && (
          <Preview bundle={preview.value} environment={environment} />
        )}
        {isActivated && <ReasonField value={reason} onInput={setReason} isTold />}
        {refusal !== undefined && (
          <>
            <ErrorNote error={refusal} retry={preview.reload} />
            {refusal.fields.some(({ loc }) => loc[1] === "policies") && (
              <div>
                <Button onClick={() => onRefused(refusal)}>Show them in the editor</Button>
              </div>
            )}
          </>
        )}
      </form>
    </Dialog>
  );
}

function Preview({ bundle, environment }: { readonly bundle: Bundle; readonly environment: Environment }) {
  const { change } = bundle;
  const { difference, unchanged = false, quota } = change ?? {};
  const { activeVersion, name } = environment;
  const limit = quota?.limit;
  return (
    <section class="stack" aria-label="What changes">
      <p>
        It becomes version {bundle.version} of {name}
        {activeVersion === undefined ? ", the first one that is active." : `; v${activeVersion} is active now.`}{" "}
        {quota !== undefined && (
          <span class="muted">
            {quota.kept}
            {limit === undefined ? " versions are kept." : ` of at most ${limit} versions are kept.`}
          </span>
        )}
      </p>
      {unchanged && <Status tone="warn" text={`Nothing differs from v${activeVersion ?? ""}, which is active`} />}
      {!unchanged && difference === undefined && <p class="muted">The difference is too large to show here.</p>}
      {!unchanged && difference !== undefined && <ChangesList difference={difference} />}
    </section>
  );
}

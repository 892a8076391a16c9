import { client } from "../../../data/client.js";
import type { ProjectAt } from "../../../data/links.js";
import { Button } from "../../../elements/button.js";
import { ConfirmDialog } from "../../../elements/confirm-dialog.js";
import { Dialog } from "../../../elements/dialog.js";
import { Name } from "../../../elements/text.js";
import { Time } from "../../../elements/time.js";
import { laneOf, type Lane } from "../lane.js";
import { ActivateDialog } from "./activate-dialog.js";
import type { Change } from "./change.js";
import { PromoteDialog } from "./promote-dialog.js";

interface DialogOfProps {
  readonly at: ProjectAt;
  readonly lanes: readonly Lane[];
  readonly change: Change;
  readonly onClose: () => void;
  readonly onChanged: () => void;
}

/** The dialog of a change that the URL names. */
export function DialogOf({ at, lanes, change, onClose, onChanged }: DialogOfProps) {
  const lane = laneOf(lanes, change.env);
  if (lane === undefined) return <Missing text={`There is no environment ${change.env} here.`} onClose={onClose} />;
  const rest = { at, onClose, onChanged };
  switch (change.kind) {
    case "promote": {
      const target = laneOf(lanes, lane.target?.name);
      if (target === undefined) return <Missing text={`${change.env} promotes to nothing.`} onClose={onClose} />;
      return <PromoteDialog source={lane} target={target} {...rest} />;
    }
    case "release":
      return <ReleaseDialog lane={lane} {...rest} />;
    case "rollback":
    case "activate":
    case "hold":
      return <ActivateDialog lane={lane} kind={change.kind} version={change.version} {...rest} />;
  }
}

interface ReleaseDialogProps {
  readonly at: ProjectAt;
  readonly lane: Lane;
  readonly onClose: () => void;
  readonly onChanged: () => void;
}

function ReleaseDialog({ at, lane: { environment }, onClose, onChanged }: ReleaseDialogProps) {
  const { name, hold, activeVersion } = environment;
  const release = () =>
    client.organizations.releaseEnvironment({ orgId: at.org, projectId: at.project, envName: name });
  return (
    <ConfirmDialog
      title={`Release ${name}`}
      action={`Release ${name}`}
      run={release}
      onDone={() => {
        onChanged();
        onClose();
      }}
      onClose={onClose}
    >
      {hold === undefined ? (
        <p>{name} is not held.</p>
      ) : (
        <>
          <p>
            Version {activeVersion} stays active. From then on publications, promotions and activations change it again,
            those of a CI job too.
          </p>
          <p>
            Held by <Name text={hold.byName ?? hold.by} /> since <Time at={hold.since} />
            {hold.reason !== undefined && (
              <>
                {": "}
                <Name text={hold.reason} />
              </>
            )}
            .
          </p>
        </>
      )}
    </ConfirmDialog>
  );
}

function Missing({ text, onClose }: { readonly text: string; readonly onClose: () => void }) {
  return (
    <Dialog title="Not possible" onClose={onClose} footer={<Button onClick={onClose}>Close</Button>}>
      <p>{text}</p>
    </Dialog>
  );
}

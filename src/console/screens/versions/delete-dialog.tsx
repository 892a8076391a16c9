import type { Bundle } from "../../../../gen/signet/v1/bundle_pb.js";
import { client } from "../../data/client.js";
import type { ProjectAt } from "../../data/links.js";
import { ConfirmDialog } from "../../elements/confirm-dialog.js";
import { Name } from "../../elements/text.js";

interface DeleteDialogProps {
  readonly at: ProjectAt;
  readonly env: string;
  readonly bundle: Bundle;
  /** How the quota is: `1,203 of 2,000 versions kept`. */
  readonly quota: string | undefined;
  readonly onDone: () => void;
  readonly onClose: () => void;
}

/** Deletes a version that is not active. */
export function DeleteDialog({ at, env, bundle: { version, title }, quota, onDone, onClose }: DeleteDialogProps) {
  return (
    <ConfirmDialog
      title={`Delete version ${version} of ${env}`}
      action={`Delete v${version}`}
      isDanger
      asksReason
      run={(given) =>
        client.bundles.deleteBundle({
          ...{ orgId: at.org, projectId: at.project, envName: env, version },
          ...given,
        })
      }
      onDone={onDone}
      onClose={onClose}
    >
      {title !== undefined && title !== "" && (
        <p>
          <Name text={title} />
        </p>
      )}
      <p>
        It cannot be activated any more, and its number is never used again. Its activations stay in the history, and
        the audit records the deletion. This cannot be undone.
      </p>
      {quota !== undefined && <p class="muted">{quota}</p>}
    </ConfirmDialog>
  );
}

import type { Environment } from "../../../../gen/signet/v1/organization_pb.js";
import { client } from "../../data/client.js";
import type { ProjectAt } from "../../data/links.js";
import { ConfirmDialog } from "../../elements/confirm-dialog.js";
import { Name } from "../../elements/text.js";
import { Time } from "../../elements/time.js";

interface ReleaseHoldProps {
  readonly at: ProjectAt;
  readonly environment: Environment;
  readonly onClose: () => void;
  readonly onDone: () => void;
}

/** Ends a hold: the next publication or promotion becomes active again. */
export function ReleaseHold({ at, environment, onClose, onDone }: ReleaseHoldProps) {
  const { name, hold, activeVersion } = environment;
  return (
    <ConfirmDialog
      title={`End the hold of ${name}?`}
      action="End hold"
      run={() => client.organizations.releaseEnvironment({ orgId: at.org, projectId: at.project, envName: name })}
      onDone={onDone}
      onClose={onClose}
    >
      <p>
        Version {activeVersion ?? "–"} stays active until the next publication or promotion, which replaces it then.
      </p>
      <dl class="facts">
        <dt>Held by</dt>
        <dd>
          <Name text={hold?.byName ?? hold?.by ?? "–"} />
        </dd>
        <dt>Since</dt>
        <dd>
          <Time at={hold?.since} />
        </dd>
        <dt>Reason</dt>
        <dd>
          <Name text={hold?.reason ?? "–"} />
        </dd>
      </dl>
    </ConfirmDialog>
  );
}

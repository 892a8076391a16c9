import { useState } from "preact/hooks";
import type { Environment } from "../../../../gen/signet/v1/organization_pb.js";
import { client } from "../../data/client.js";
import { deletionFacts } from "../../data/deletion-facts.js";
import type { ProjectAt } from "../../data/links.js";
import { useCall } from "../../data/use-call.js";
import { ConfirmDialog } from "../../elements/confirm-dialog.js";
import { DeletionList } from "../../elements/deletion-list.js";
import { ForceBox } from "../../elements/force-box.js";

interface DeleteEnvironmentProps {
  readonly at: ProjectAt;
  readonly environment: Environment;
  readonly onClose: () => void;
  readonly onDone: () => void;
}

/** Deletes an environment after its name was typed, with what goes with it in sight. */
export function DeleteEnvironment({ at, environment, onClose, onDone }: DeleteEnvironmentProps) {
  const { name, activeVersion, id } = environment;
  const [force, setForce] = useState(false);
  const path = { orgId: at.org, projectId: at.project };
  const facts = useCall((signal) => deletionFacts(path, [environment], false, signal), ["deletion", id]);
  return (
    <ConfirmDialog
      title={`Delete ${name}?`}
      action="Delete environment"
      isDanger
      asksReason
      typed={name}
      run={(given) => client.organizations.deleteEnvironment({ ...path, envName: name, force, ...given })}
      onDone={onDone}
      onClose={onClose}
    >
      <p>
        Its bundles and runtime tokens are deleted. Its runtimes keep what they have and get nothing more. Environments
        that promote to it become last stages. There is no way back.
      </p>
      <p>{activeVersion === undefined ? "Nothing is active in it." : `Active now: version ${activeVersion}.`}</p>
      <DeletionList call={facts} />
      <ForceBox isChecked={force} onChange={setForce} />
    </ConfirmDialog>
  );
}

import { useState } from "preact/hooks";
import type { Project } from "../../../../gen/signet/v1/organization_pb.js";
import { client } from "../../data/client.js";
import { deletionFacts } from "../../data/deletion-facts.js";
import { loadTenancy } from "../../data/tenancy.js";
import { useCall } from "../../data/use-call.js";
import { ConfirmDialog } from "../../elements/confirm-dialog.js";
import { DeletionList } from "../../elements/deletion-list.js";
import { ForceBox } from "../../elements/force-box.js";
import { Name } from "../../elements/text.js";

/** Deletes a project after its slug was typed, with what goes with it in sight. */
export function DeleteProject({ project, onClose }: { readonly project: Project; readonly onClose: () => void }) {
  const { id: projectId, orgId, name, slug, environments } = project;
  const [force, setForce] = useState(false);
  const facts = useCall(
    (signal) => deletionFacts({ orgId, projectId }, environments, true, signal),
    ["deletion", projectId],
  );
  const active = environments.filter(({ activeVersion }) => activeVersion !== undefined);
  return (
    <ConfirmDialog
      title={`Delete ${slug}?`}
      action="Delete project"
      isDanger
      asksReason
      typed={slug}
      run={(given) => client.organizations.deleteProject({ orgId, projectId, force, ...given })}
      onDone={() => {
        onClose();
        void loadTenancy();
      }}
      onClose={onClose}
    >
      <p>
        <Name text={name} />
      </p>
      <p>
        Its {environments.length} environments are deleted with their bundles and tokens. Runtimes keep what they have
        and get nothing more. The audit stays. There is no way back.
      </p>
      {active.length > 0 && (
        <p>
          Active now:{" "}
          {active.map(({ name: environment, activeVersion }) => `${environment} v${activeVersion}`).join(", ")}
        </p>
      )}
      <DeletionList call={facts} />
      <ForceBox isChecked={force} onChange={setForce} />
    </ConfirmDialog>
  );
}

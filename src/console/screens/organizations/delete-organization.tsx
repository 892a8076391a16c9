import { useState } from "preact/hooks";
import type { Organization } from "../../../../gen/signet/v1/organization_pb.js";
import { client } from "../../data/client.js";
import { ConfirmDialog } from "../../elements/confirm-dialog.js";
import { ForceBox } from "../../elements/force-box.js";
import { Name } from "../../elements/text.js";
import { Time } from "../../elements/time.js";

interface DeleteOrganizationProps {
  readonly organization: Organization;
  readonly onClose: () => void;
  readonly onDeleted: () => void;
}

/** Deletes an organization after its slug was typed. What is inside of it is hidden from the operator. */
export function DeleteOrganization({ organization, onClose, onDeleted }: DeleteOrganizationProps) {
  const { id, name, slug, plan, createdAt } = organization;
  const [force, setForce] = useState(false);
  return (
    <ConfirmDialog
      title={`Delete ${slug}?`}
      action="Delete organization"
      isDanger
      asksReason
      typed={slug}
      run={(given) => client.organizations.deleteOrganization({ orgId: id, force, ...given })}
      onDone={onDeleted}
      onClose={onClose}
    >
      <p>
        All of its projects, bundles, webhooks and tokens are deleted. Its runtimes keep what they have and get nothing
        more. Its audit events stay. There is no way back.
      </p>
      <dl class="facts">
        <dt>Name</dt>
        <dd>
          <Name text={name} />
        </dd>
        <dt>Plan</dt>
        <dd>
          <bdi>{plan}</bdi>
        </dd>
        <dt>Created</dt>
        <dd>
          <Time at={createdAt} />
        </dd>
      </dl>
      <ForceBox isChecked={force} onChange={setForce} />
    </ConfirmDialog>
  );
}

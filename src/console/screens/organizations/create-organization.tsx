import { useState } from "preact/hooks";
import type { CreateOrganizationResponse } from "../../../../gen/signet/v1/organization_pb.js";
import { client } from "../../data/client.js";
import { Button } from "../../elements/button.js";
import { ConfirmDialog } from "../../elements/confirm-dialog.js";
import { Dialog } from "../../elements/dialog.js";
import { Field, NameField } from "../../elements/field.js";
import { Secret, SecretNote } from "../../elements/secret.js";
import { Name } from "../../elements/text.js";
import { parseQuota } from "./quota.js";

interface CreateOrganizationProps {
  readonly onClose: () => void;
  readonly onCreated: () => void;
}

/** Creates an organization, and shows its first admin token once. */
export function CreateOrganization({ onClose, onCreated }: CreateOrganizationProps) {
  const [name, setName] = useState("");
  const [plan, setPlan] = useState("");
  const [quotaText, setQuota] = useState("");
  const [created, setCreated] = useState<CreateOrganizationResponse | undefined>();
  const quota = parseQuota(quotaText);
  if (created !== undefined) {
    return (
      <Dialog
        title="Organization created"
        onClose={onClose}
        footer={
          <Button kind="primary" onClick={onClose}>
            Done
          </Button>
        }
      >
        <div class="stack">
          <SecretNote />
          <Secret label={`First admin token of ${created.slug}`} text={created.adminToken?.rawKey ?? ""} />
          <dl class="facts">
            <dt>Name</dt>
            <dd>
              <Name text={created.name} />
            </dd>
            <dt>Slug</dt>
            <dd>
              <code>{created.slug}</code>
            </dd>
            <dt>Plan</dt>
            <dd>
              <bdi>{created.plan}</bdi>
            </dd>
          </dl>
          <p class="muted">Its administrator signs in with this token. You see nothing of what is inside.</p>
        </div>
      </Dialog>
    );
  }
  return (
    <ConfirmDialog
      title="New organization"
      action="Create organization"
      run={async () => {
        if ("error" in quota) throw new Error(quota.error);
        setCreated(
          await client.organizations.createOrganization({
            name: name.trim(),
            ...(plan.trim() === "" ? {} : { plan: plan.trim() }),
            ...(quota.value === null ? {} : { versionsPerEnvironment: quota.value }),
          }),
        );
        onCreated();
      }}
      onDone={() => undefined}
      onClose={onClose}
    >
      <NameField value={name} onInput={setName} />
      <Field label="Plan" hint="A name of your own, for example team. Optional: free.">
        {(field) => (
          <input {...field} value={plan} maxLength={64} onInput={(event) => setPlan(event.currentTarget.value)} />
        )}
      </Field>
      <QuotaField text={quotaText} onInput={setQuota} />
    </ConfirmDialog>
  );
}

/** The quota of kept versions. */
export function QuotaField({ text, onInput }: { readonly text: string; readonly onInput: (text: string) => void }) {
  const quota = parseQuota(text);
  return (
    <Field
      label="Versions kept for each environment"
      hint="A quota: when it is reached, publishing is refused until versions are deleted. Nothing for no limit."
      error={"error" in quota ? quota.error : undefined}
    >
      {(field) => (
        <input {...field} value={text} inputMode="numeric" onInput={(event) => onInput(event.currentTarget.value)} />
      )}
    </Field>
  );
}

import { useState } from "preact/hooks";
import type { Organization } from "../../../../gen/signet/v1/organization_pb.js";
import { client } from "../../data/client.js";
import { ConfirmDialog } from "../../elements/confirm-dialog.js";
import { Field } from "../../elements/field.js";
import { QuotaField } from "./create-organization.js";
import { parseQuota } from "./quota.js";

interface UpdateOrganizationProps {
  readonly organization: Organization;
  readonly onClose: () => void;
  readonly onChanged: () => void;
}

/** Changes an organization's name, plan, quota and facts. Only what was changed is sent, so that changes of others stay. */
export function UpdateOrganization({ organization, onClose, onChanged }: UpdateOrganizationProps) {
  const [name, setName] = useState(organization.name);
  const [plan, setPlan] = useState(organization.plan);
  const [quotaText, setQuota] = useState(organization.versionsPerEnvironment?.toString() ?? "");
  const [industry, setIndustry] = useState(organization.industry ?? "");
  const [companySize, setCompanySize] = useState(organization.companySize ?? "");
  const [takesOwnKeys, setTakesOwnKeys] = useState(false);
  const quota = parseQuota(quotaText);
  const run = async () => {
    if ("error" in quota) throw new Error(quota.error);
    const paths: string[] = [];
    if (name !== organization.name) paths.push("name");
    if (plan !== organization.plan) paths.push("plan");
    if (quota.value !== (organization.versionsPerEnvironment ?? null)) paths.push("versions_per_environment");
    if (industry !== (organization.industry ?? "")) paths.push("industry");
    if (companySize !== (organization.companySize ?? "")) paths.push("company_size");
    if (takesOwnKeys) paths.push("signing_key");
    if (paths.length === 0) return;
    await client.organizations.updateOrganization({
      orgId: organization.id,
      name,
      plan,
      ...(quota.value === null ? {} : { versionsPerEnvironment: quota.value }),
      ...(industry === "" ? {} : { industry }),
      ...(companySize === "" ? {} : { companySize }),
      ...(takesOwnKeys ? { signingKey: "organization" } : {}),
      updateMask: { paths },
    });
  };
  return (
    <ConfirmDialog title={`Change ${organization.slug}`} action="Save" run={run} onDone={onChanged} onClose={onClose}>
      <TextField label="Name" value={name} maxLength={255} isRequired onInput={setName} />
      <TextField label="Plan" value={plan} maxLength={64} isRequired onInput={setPlan} />
      <QuotaField text={quotaText} onInput={setQuota} />
      <TextField label="Industry" value={industry} maxLength={255} onInput={setIndustry} />
      <TextField label="Company size" value={companySize} maxLength={255} onInput={setCompanySize} />
      {organization.signingKey === "server" && (
        <label class="check">
          <input
            type="checkbox"
            checked={takesOwnKeys}
            onChange={(event) => setTakesOwnKeys(event.currentTarget.checked)}
          />
          <span>
            Sign with keys of its own from now on. Its runtimes must trust the new key first; there is no way back.
          </span>
        </label>
      )}
    </ConfirmDialog>
  );
}

interface TextFieldProps {
  readonly label: string;
  readonly value: string;
  readonly maxLength: number;
  readonly isRequired?: boolean;
  readonly onInput: (value: string) => void;
}

function TextField({ label, value, maxLength, isRequired = false, onInput }: TextFieldProps) {
  return (
    <Field label={label}>
      {(field) => (
        <input
          {...field}
          value={value}
          required={isRequired}
          maxLength={maxLength}
          onInput={(event) => onInput(event.currentTarget.value)}
        />
      )}
    </Field>
  );
}

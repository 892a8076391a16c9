import { useState } from "preact/hooks";
import type { Environment } from "../../../../gen/signet/v1/organization_pb.js";
import { client } from "../../data/client.js";
import type { ProjectAt } from "../../data/links.js";
import { ConfirmDialog } from "../../elements/confirm-dialog.js";
import { Field } from "../../elements/field.js";

interface EnvironmentFormProps {
  readonly at: ProjectAt;
  readonly environments: readonly Environment[];
  /** The one to change; undefined creates one. */
  readonly environment?: Environment;
  readonly onClose: () => void;
  readonly onDone: () => void;
}

/** Creates or changes an environment. Of a change only what differs is sent, so that changes of others stay. */
export function EnvironmentForm({ at, environments, environment, onClose, onDone }: EnvironmentFormProps) {
  const [name, setName] = useState("");
  const [promotesTo, setPromotesTo] = useState(environment?.promotesTo ?? "");
  const [signingKey, setSigningKey] = useState(environment?.signingKey ?? "organization");
  const [isProtected, setProtected] = useState(environment?.protected ?? false);
  const path = { orgId: at.org, projectId: at.project };
  const create = () =>
    client.organizations.createEnvironment({
      ...path,
      name: name.trim(),
      promotesTo,
      signingKey,
      protected: isProtected,
    });
  const change = async (before: Environment) => {
    const paths = [
      ...(promotesTo === (before.promotesTo ?? "") ? [] : ["promotes_to"]),
      ...(signingKey === before.signingKey ? [] : ["signing_key"]),
      ...(isProtected === before.protected ? [] : ["protected"]),
    ];
    if (paths.length === 0) return;
    await client.organizations.updateEnvironment({
      ...{ ...path, envName: before.name, signingKey, protected: isProtected },
      ...(promotesTo === "" ? {} : { promotesTo }),
      updateMask: { paths },
    });
  };
  const others = environments.filter(({ name: other }) => other !== environment?.name);
  return (
    <ConfirmDialog
      title={environment === undefined ? "New environment" : `Change ${environment.name}`}
      action={environment === undefined ? "Create environment" : "Save"}
      run={() => (environment === undefined ? create() : change(environment))}
      onDone={onDone}
      onClose={onClose}
    >
      {environment === undefined && (
        <Field label="Name" hint="Lower-case letters, digits and hyphens, at most 63.">
          {(field) => (
            <input
              {...field}
              value={name}
              required
              maxLength={63}
              pattern="[a-z0-9][a-z0-9\-]{0,62}"
              autoComplete="off"
              spellcheck={false}
              onInput={(event) => setName(event.currentTarget.value)}
            />
          )}
        </Field>
      )}
      <Field label="Promotes to" hint="The next stage of its bundles.">
        {(field) => (
          <select {...field} value={promotesTo} onChange={(event) => setPromotesTo(event.currentTarget.value)}>
            <option value="">none: it is a last stage</option>
            {others.map((other) => (
              <option key={other.id} value={other.name}>
                {other.name}
              </option>
            ))}
          </select>
        )}
      </Field>
      <Field
        label="Signs with"
        hint="For what is published from now on. Runtimes must trust a key of its own before it is used."
      >
        {(field) => (
          <select {...field} value={signingKey} onChange={(event) => setSigningKey(event.currentTarget.value)}>
            <option value="organization">the organization's key</option>
            <option value="environment">a key of its own</option>
          </select>
        )}
      </Field>
      <label class="check">
        <input type="checkbox" checked={isProtected} onChange={(event) => setProtected(event.currentTarget.checked)} />
        <span>Protected: it cannot be deleted.</span>
      </label>
    </ConfirmDialog>
  );
}

import { useLocation } from "preact-iso/router";
import { useState } from "preact/hooks";
import type { CreateProjectResponse } from "../../../../gen/signet/v1/organization_pb.js";
import { client } from "../../data/client.js";
import { links } from "../../data/links.js";
import { loadTenancy } from "../../data/tenancy.js";
import { Button } from "../../elements/button.js";
import { ConfirmDialog } from "../../elements/confirm-dialog.js";
import { Dialog } from "../../elements/dialog.js";
import { Field, NameField } from "../../elements/field.js";
import { Secret, SecretNote } from "../../elements/secret.js";
import { Time } from "../../elements/time.js";

/** The server's own default. */
const USUAL = "dev, staging, prod";

interface CreateProjectProps {
  /** A slug. */
  readonly org: string;
  readonly onClose: () => void;
}

/** Creates a project with its environments, and shows their runtime tokens once. */
export function CreateProject({ org, onClose }: CreateProjectProps) {
  const [name, setName] = useState("");
  const [environments, setEnvironments] = useState(USUAL);
  const [makesTokens, setMakesTokens] = useState(true);
  const [created, setCreated] = useState<CreateProjectResponse | undefined>();
  if (created !== undefined) return <CreatedProject org={org} created={created} onClose={onClose} />;
  const names = environments.split(/[\s,]+/).filter((each) => each !== "");
  return (
    <ConfirmDialog
      title="New project"
      action="Create project"
      run={async () => {
        const request = { orgId: org, name: name.trim(), environments: names, runtimeKeys: makesTokens };
        setCreated(await client.organizations.createProject(request));
        void loadTenancy();
      }}
      onDone={() => undefined}
      onClose={onClose}
    >
      <NameField value={name} onInput={setName} />
      <Field
        label="Environments"
        hint="In promotion order, each promoting to the next one: lower-case letters, digits and hyphens. The last one can be changed in the settings."
      >
        {(field) => (
          <input
            {...field}
            value={environments}
            spellcheck={false}
            autoComplete="off"
            onInput={(event) => setEnvironments(event.currentTarget.value)}
          />
        )}
      </Field>
      <label class="check">
        <input
          type="checkbox"
          checked={makesTokens}
          onChange={(event) => setMakesTokens(event.currentTarget.checked)}
        />
        <span>Create a runtime token for each environment. Each is shown once.</span>
      </label>
    </ConfirmDialog>
  );
}

interface CreatedProjectProps extends CreateProjectProps {
  readonly created: CreateProjectResponse;
}

function CreatedProject({ org, created, onClose }: CreatedProjectProps) {
  const { route } = useLocation();
  const { slug, runtimeKeys } = created;
  return (
    <Dialog
      title={`Project ${slug} is created`}
      onClose={onClose}
      footer={
        <>
          <Button onClick={onClose}>Close</Button>
          <Button
            kind="primary"
            onClick={() => {
              onClose();
              route(links.project({ org, project: slug }));
            }}
          >
            Open project
          </Button>
        </>
      }
    >
      <div class="stack">
        {runtimeKeys.length === 0 && <p>It has no runtime tokens yet: create them on the screen Tokens.</p>}
        {runtimeKeys.length > 0 && <SecretNote />}
        {runtimeKeys.map(({ envName, rawKey }) => (
          <Secret key={envName} label={`Runtime token of ${envName}`} text={rawKey} />
        ))}
        {runtimeKeys[0] !== undefined && (
          <p class="muted">
            They expire <Time at={runtimeKeys[0].expiresAt} />. A runtime reads its token from SIGNET_TOKEN.
          </p>
        )}
      </div>
    </Dialog>
  );
}

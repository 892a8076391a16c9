import { useId, useState } from "preact/hooks";
import type { Project } from "../../../../gen/signet/v1/organization_pb.js";
import type { Token } from "../../../../gen/signet/v1/token_pb.js";
import { client } from "../../data/client.js";
import { useAction } from "../../data/use-action.js";
import { Button } from "../../elements/button.js";
import { Dialog } from "../../elements/dialog.js";
import { ErrorNote } from "../../elements/error-note.js";
import { Field } from "../../elements/field.js";
import { TOKEN_TYPES, type TokenType } from "./token-facts.js";

/** The longest life that the server gives, in days. */
const MAX_DAYS = 3_650;

interface CreateDialogProps {
  readonly org: string;
  readonly projects: readonly Project[];
  /** Metrics tokens are the operator's. */
  readonly isOperator: boolean;
  /** The type that is chosen first. */
  readonly first: TokenType;
  readonly onCreated: (token: Token) => void;
  readonly onClose: () => void;
}

/** What a new token is to be. */
interface Draft {
  readonly type: TokenType;
  readonly name: string;
  /** Days; empty is for ever. */
  readonly days: string;
  readonly projectId: string;
  readonly environmentId: string;
  /** Of a ci token; empty is all. */
  readonly environments: readonly string[];
  readonly audit: boolean;
}

/** Creates a token of any type. */
export function CreateDialog({ org, projects, isOperator, first, onCreated, onClose }: CreateDialogProps) {
  const id = useId();
  const [draft, setDraft] = useState<Draft>({
    ...{ type: first, name: "", days: first === "runtime" ? "" : "90", projectId: "", environmentId: "" },
    ...{ environments: [], audit: false },
  });
  const set = (patch: Partial<Draft>) => setDraft((before) => ({ ...before, ...patch }));
  const [isTried, setTried] = useState(false);
  const create = useAction(() => createToken(org, draft));
  const { type, name, days, projectId, environmentId, environments, audit } = draft;
  const project = projects.find((it) => it.id === projectId);
  const problems = problemsOf(draft);
  const shown = isTried ? problems : {};
  const submit = async (event: Event) => {
    event.preventDefault();
    setTried(true);
    if (Object.keys(problems).length > 0) return;
    const token = await create.run();
    if (token !== undefined) onCreated(token);
  };
  return (
    <Dialog
      title="Create a token"
      onClose={onClose}
      footer={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button kind="primary" type="submit" form={id} busy={create.isRunning}>
            Create token
          </Button>
        </>
      }
    >
      <form id={id} class="stack" onSubmit={(event) => void submit(event)}>
        <fieldset>
          <legend>Type</legend>
          {TOKEN_TYPES.filter(([value]) => value !== "metrics" || isOperator).map(([value, label, about]) => (
            <label key={value} class="check">
              <input type="radio" name="type" checked={type === value} onChange={() => set({ type: value })} />
              <span>
                {label} <small class="muted">{about}</small>
              </span>
            </label>
          ))}
        </fieldset>
        {(type === "ci" || type === "runtime" || type === "viewer") && (
          <Field label="Project" error={shown.project}>
            {(field) => (
              <select
                {...field}
                value={projectId}
                onChange={(event) => set({ projectId: event.currentTarget.value, environmentId: "", environments: [] })}
              >
                <option value="">{type === "viewer" ? "The whole organization" : "Choose a project"}</option>
                {projects.map((it) => (
                  <option key={it.id} value={it.id}>
                    {it.name}
                  </option>
                ))}
              </select>
            )}
          </Field>
        )}
        {type === "runtime" && (
          <Field label="Environment" error={shown.environment}>
            {(field) => (
              <select
                {...field}
                value={environmentId}
                disabled={project === undefined}
                onChange={(event) => set({ environmentId: event.currentTarget.value })}
              >
                <option value="">Choose an environment</option>
                {project?.environments.map((it) => (
                  <option key={it.id} value={it.id}>
                    {it.name}
                  </option>
                ))}
              </select>
            )}
          </Field>
        )}
        {type === "ci" && project !== undefined && (
          <fieldset>
            <legend>Environments that it may change</legend>
            {project.environments.map((it) => (
              <label key={it.id} class="check">
                <input
                  type="checkbox"
                  checked={environments.includes(it.name)}
                  onChange={(event) =>
                    set({
                      environments: event.currentTarget.checked
                        ? [...environments, it.name]
                        : environments.filter((other) => other !== it.name),
                    })
                  }
                />
                <bdi>{it.name}</bdi>
              </label>
            ))}
            <p class="field-hint">None chosen: all of them. It reads all of the project in any case.</p>
          </fieldset>
        )}
        {type === "viewer" && projectId === "" && (
          <label class="check">
            <input type="checkbox" checked={audit} onChange={(event) => set({ audit: event.currentTarget.checked })} />
            <span>
              Reads the audit too <small class="muted">of the whole organization</small>
            </span>
          </label>
        )}
        <Field
          label="Name"
          error={shown.name}
          hint={
            type === "runtime"
              ? "For whom. A second token of an environment needs a name."
              : "For whom or for what. The audit shows it."
          }
        >
          {(field) => (
            <input
              {...field}
              value={name}
              maxLength={100}
              autoComplete="off"
              onInput={(event) => set({ name: event.currentTarget.value })}
            />
          )}
        </Field>
        <Field label="Expires after days" hint="Empty: it does not expire." error={shown.days}>
          {(field) => (
            <input
              {...field}
              inputMode="numeric"
              value={days}
              autoComplete="off"
              onInput={(event) => set({ days: event.currentTarget.value.trim() })}
            />
          )}
        </Field>
        {create.error !== undefined && <ErrorNote error={create.error} />}
      </form>
    </Dialog>
  );
}

type Problems = Partial<Record<"project" | "environment" | "name" | "days", string>>;

function problemsOf({ type, days, projectId, environmentId }: Draft): Problems {
  const count = Number(days);
  const isDays = days === "" || (/^\d{1,4}$/.test(days) && count >= 1 && count <= MAX_DAYS);
  return {
    ...((type === "ci" || type === "runtime") && projectId === "" ? { project: "Choose a project." } : {}),
    ...(type === "runtime" && environmentId === "" ? { environment: "Choose an environment." } : {}),
    ...(isDays ? {} : { days: `A whole number from 1 to ${MAX_DAYS}, or nothing.` }),
  };
}

async function createToken(orgId: string, draft: Draft): Promise<Token> {
  const { type, projectId, environmentId, environments, audit } = draft;
  const name = draft.name.trim();
  const common = {
    orgId,
    ...(name === "" ? {} : { name }),
    ...(draft.days === "" ? {} : { expiresInDays: Number(draft.days) }),
  };
  switch (type) {
    case "admin":
      return await client.tokens.createAdminToken(common);
    case "ci":
      return await client.tokens.createCiToken({ ...common, projectId, environments: [...environments] });
    case "runtime":
      return await client.tokens.createRuntimeToken({ ...common, projectId, environmentId });
    case "viewer":
      return await client.tokens.createViewerToken(
        projectId === "" ? { ...common, audit } : { ...common, projectId, audit: false },
      );
    case "metrics":
      return await client.tokens.createMetricsToken(common);
  }
}

import { useState } from "preact/hooks";
import { toSignetError } from "../../../sdk/signet-error.js";
import { client } from "../../data/client.js";
import type { ProjectAt } from "../../data/links.js";
import { can } from "../../data/session.js";
import { useAction } from "../../data/use-action.js";
import { useCall } from "../../data/use-call.js";
import { Button } from "../../elements/button.js";
import { ConfirmDialog } from "../../elements/confirm-dialog.js";
import { ErrorNote } from "../../elements/error-note.js";
import { Field } from "../../elements/field.js";
import { Empty, Loaded } from "../../elements/states.js";
import { Copy, Hash } from "../../elements/text.js";
import { useUnsavedGuard } from "../../shell/guard-unsaved.js";

/** The longest schema that the server takes, in bytes. */
const MAX_BYTES = 256 * 1024;

/** The schema that a project demands of its policies: shown, set, removed. Its text is never parsed and printed again. */
export function SchemaTab({ at }: { readonly at: ProjectAt }) {
  const [draft, setDraft] = useState<string | undefined>();
  const [isRemoving, setRemoving] = useState(false);
  const path = { orgId: at.org, projectId: at.project };
  const call = useCall(
    async (signal) => {
      try {
        return await client.bundles.getPolicySchema(path, { signal });
      } catch (thrown) {
        const error = toSignetError(thrown);
        // The project is there: the tabs beside this one show it.
        if (error.code === "not_found") return null;
        throw error;
      }
    },
    ["schema", at.org, at.project],
  );
  const isAdmin = can("org:admin");
  if (draft !== undefined) {
    return (
      <SchemaForm
        path={path}
        before={call.value?.schema ?? ""}
        draft={draft}
        onDraft={setDraft}
        onClose={() => setDraft(undefined)}
        onDone={() => {
          setDraft(undefined);
          call.reload();
        }}
      />
    );
  }
  return (
    <Loaded call={call}>
      {(found) =>
        found === null ? (
          <Empty
            title="Policies may be any JSON object"
            text="With a JSON Schema (draft 2020-12), what does not match it is refused at publishing and promoting, in all environments."
            command={`signet schema set -f policy.schema.json --project ${at.project}`}
            action={
              isAdmin && (
                <Button kind="primary" onClick={() => setDraft("")}>
                  Set a schema
                </Button>
              )
            }
          />
        ) : (
          <div class="stack">
            <div class="row">
              <span class="muted">
                Digest <Hash value={found.schemaHash} length={19} />
              </span>
              <Copy text={found.schema} label="Copy schema" />
              {isAdmin && <Button onClick={() => setDraft(found.schema)}>Change…</Button>}
              {isAdmin && (
                <Button kind="danger" icon="trash" onClick={() => setRemoving(true)}>
                  Remove…
                </Button>
              )}
            </div>
            <pre class="card schema-text" tabIndex={0} role="group" aria-label="Policy schema">
              <code>{found.schema}</code>
            </pre>
            {isRemoving && (
              <ConfirmDialog
                title="Remove the policy schema?"
                action="Remove schema"
                isDanger
                run={() => client.bundles.deletePolicySchema(path)}
                onDone={() => {
                  setRemoving(false);
                  call.reload();
                }}
                onClose={() => setRemoving(false)}
              >
                <p>From then on any JSON object can be published. What is active stays.</p>
              </ConfirmDialog>
            )}
          </div>
        )
      }
    </Loaded>
  );
}

interface SchemaFormProps {
  readonly path: { readonly orgId: string; readonly projectId: string };
  readonly before: string;
  readonly draft: string;
  readonly onDraft: (text: string) => void;
  readonly onClose: () => void;
  readonly onDone: () => void;
}

function SchemaForm({ path, before, draft, onDraft, onClose, onDone }: SchemaFormProps) {
  useUnsavedGuard(draft !== before);
  const save = useAction(async () => {
    await client.bundles.setPolicySchema({ ...path, schema: draft });
    onDone();
  });
  const bytes = new TextEncoder().encode(draft).byteLength;
  return (
    <form
      class="stack"
      onSubmit={(event) => {
        event.preventDefault();
        void save.run();
      }}
    >
      <Field
        label="JSON Schema"
        hint="Draft 2020-12, an object, at most 256 KiB; references end inside of it. It holds for what is published and promoted from now on."
        error={bytes > MAX_BYTES ? `It has ${bytes} bytes, and ${MAX_BYTES} are allowed.` : undefined}
      >
        {(field) => (
          <textarea
            {...field}
            rows={20}
            value={draft}
            required
            spellcheck={false}
            onInput={(event) => onDraft(event.currentTarget.value)}
          />
        )}
      </Field>
      <Field label="Or take a file">
        {(field) => (
          <input
            {...field}
            type="file"
            accept=".json,application/json,application/schema+json"
            onChange={(event) => void event.currentTarget.files?.[0]?.text().then(onDraft)}
          />
        )}
      </Field>
      {save.error !== undefined && <ErrorNote error={save.error} />}
      <div class="row">
        <Button type="submit" kind="primary" busy={save.isRunning} disabled={bytes > MAX_BYTES}>
          Save schema
        </Button>
        <Button onClick={onClose}>Cancel</Button>
      </div>
    </form>
  );
}

import { useState } from "preact/hooks";
import { client } from "../../data/client.js";
import type { ProjectAt } from "../../data/links.js";
import { useAction } from "../../data/use-action.js";
import { useCall } from "../../data/use-call.js";
import { Button } from "../../elements/button.js";
import { ErrorNote } from "../../elements/error-note.js";
import { Name, Status } from "../../elements/text.js";
import { toSignetError, type SignetError } from "../../../sdk/signet-error.js";
import { partsOf } from "./document-parts.js";

interface SchemaCardProps {
  readonly at: ProjectAt;
  readonly env: string;
  readonly document: string;
}

/** Whether the policies fit the schema that the project demands today; nothing where it demands none. */
export function SchemaCard({ at, env, document }: SchemaCardProps) {
  const path = { orgId: at.org, projectId: at.project };
  const schema = useCall(
    async (signal) => {
      try {
        return await client.bundles.getPolicySchema(path, { signal });
      } catch (thrown) {
        if (toSignetError(thrown).code === "not_found") return null;
        throw thrown;
      }
    },
    [path],
  );
  const check = useAction(async (): Promise<SignetError | null> => {
    const parts = partsOf(document);
    const policies = parts?.policies ?? "{}";
    try {
      await client.bundles.publishBundle({ ...path, envName: env, policies, activate: false, dryRun: true });
      return null;
    } catch (thrown) {
      const error = toSignetError(thrown);
      if (error.code === "invalid") return error;
      throw thrown;
    }
  });
  const [found, setFound] = useState<SignetError | null | undefined>(undefined);
  if (schema.value === undefined || schema.value === null) return null;
  return (
    <section class="card stack" aria-labelledby="schema-title">
      <h2 id="schema-title">Schema</h2>
      <p class="muted">
        The project demands a schema, <code>{schema.value.schemaHash.slice(0, 19)}</code>. Kept versions can be
        activated whether they fit it or not; promoting asks for it.
      </p>
      {found === undefined ? (
        <div>
          <Button size="small" busy={check.isRunning} onClick={() => void check.run().then(setFound)}>
            Check against it
          </Button>
        </div>
      ) : found === null ? (
        <Status tone="good" text="Matches the schema" />
      ) : (
        <>
          <Status
            tone="bad"
            text={`Does not match: ${found.fields.length} ${found.fields.length === 1 ? "problem" : "problems"}`}
          />
          <ul class="schema-problems">
            {found.fields.slice(0, 50).map(({ loc, msg }) => (
              <li key={`${loc.join("/")} ${msg}`}>
                <code>
                  <Name text={`/${loc.slice(1).join("/")}`} />
                </code>{" "}
                <Name text={msg} />
              </li>
            ))}
          </ul>
        </>
      )}
      {check.error !== undefined && <ErrorNote error={check.error} />}
    </section>
  );
}

import { useState } from "preact/hooks";
import { toSignetError, type SignetError } from "../../../sdk/signet-error.js";
import { client } from "../../data/client.js";
import type { ProjectAt } from "../../data/links.js";
import { useAction } from "../../data/use-action.js";
import { Button } from "../../elements/button.js";
import { ErrorNote } from "../../elements/error-note.js";
import { Name, Status } from "../../elements/text.js";
import { partsOf } from "./document-parts.js";

/** Problems that are listed at most. */
const SHOWN = 50;

interface SchemaCardProps {
  readonly at: ProjectAt;
  readonly env: string;
  readonly document: string;
  /** What its policies are. */
  readonly mediaType: string;
}

/** What came of a check; the error of `refused` has the problems. */
type Outcome = { readonly kind: "none" | "fits" } | { readonly kind: "refused"; readonly error: SignetError };

/** Checks the policies by the schema that the project demands today, by a publication that only asks. */
export function SchemaCard({ at, env, document, mediaType }: SchemaCardProps) {
  const [outcome, setOutcome] = useState<Outcome | undefined>(undefined);
  const check = useAction(() => checkSchema({ at, env, document, mediaType }));
  return (
    <section class="card stack" aria-labelledby="schema-title">
      <h2 id="schema-title">Schema</h2>
      {outcome === undefined && (
        <div>
          <Button size="small" busy={check.isRunning} onClick={() => void check.run().then(setOutcome)}>
            Check by the project’s schema
          </Button>
        </div>
      )}
      {outcome?.kind === "none" && <p class="muted">The project demands no schema of its policies.</p>}
      {outcome?.kind === "fits" && <Status tone="good" text="Fits the schema that the project demands" />}
      {outcome?.kind === "refused" && <Problems error={outcome.error} />}
      {check.error !== undefined && <ErrorNote error={check.error} />}
    </section>
  );
}

async function checkSchema({ at, env, document, mediaType }: SchemaCardProps): Promise<Outcome> {
  const path = { orgId: at.org, projectId: at.project };
  try {
    await client.bundles.getPolicySchema(path);
  } catch (thrown) {
    if (toSignetError(thrown).code === "not_found") return { kind: "none" };
    throw thrown;
  }
  try {
    const policies = partsOf(document)?.policies ?? "{}";
    await client.bundles.publishBundle({ ...path, envName: env, policies, mediaType, activate: false, dryRun: true });
    return { kind: "fits" };
  } catch (thrown) {
    const error = toSignetError(thrown);
    if (error.code === "invalid") return { kind: "refused", error };
    throw thrown;
  }
}

function Problems({ error: { fields, message } }: { readonly error: SignetError }) {
  return (
    <>
      <Status tone="bad" text="Does not fit: it stays as it is, and cannot be promoted or published again" />
      {fields.length === 0 && <Name text={message} />}
      <ul class="schema-problems">
        {fields.slice(0, SHOWN).map(({ loc, msg }) => (
          <li key={`${loc.join("/")} ${msg}`}>
            <code>
              <Name text={`/${loc.slice(1).join("/")}`} />
            </code>{" "}
            <Name text={msg} />
          </li>
        ))}
      </ul>
    </>
  );
}

import { useState } from "preact/hooks";
import type { PrunedEnvironment } from "../../../../gen/signet/v1/bundle_pb.js";
import { client } from "../../data/client.js";
import type { ProjectAt } from "../../data/links.js";
import { useAction } from "../../data/use-action.js";
import { useCall } from "../../data/use-call.js";
import { Button } from "../../elements/button.js";
import { Dialog } from "../../elements/dialog.js";
import { ErrorNote } from "../../elements/error-note.js";
import { Field } from "../../elements/field.js";
import { Loaded } from "../../elements/states.js";
import { counted } from "../../elements/counted.js";

interface PruneDialogProps {
  readonly at: ProjectAt;
  readonly env: string;
  readonly onDone: () => void;
  readonly onClose: () => void;
}

/** The rules as they are typed. */
interface Rules {
  readonly keepNewest: string;
  readonly keepDays: string;
  readonly keepProductionDays: string;
}

const FIELDS = [
  ["keepNewest", "Keep the newest", 1, 100_000, "versions"],
  ["keepDays", "Keep what is younger than", 0, 36_500, "days since it was published or active"],
  ["keepProductionDays", "In a production environment", 0, 36_500, "days instead"],
] as const;

/** Deletes old versions of an environment by rules, after showing which. */
export function PruneDialog({ at, env, onDone, onClose }: PruneDialogProps) {
  const [rules, setRules] = useState<Rules>({ keepNewest: "100", keepDays: "30", keepProductionDays: "365" });
  const isValid = FIELDS.every(([name, , min, max]) => isBetween(rules[name], min, max));
  const request = {
    ...{ orgId: at.org, projectId: at.project, envName: env },
    keepNewest: Number(rules.keepNewest),
    keepDays: Number(rules.keepDays),
    keepProductionDays: Math.max(Number(rules.keepProductionDays), Number(rules.keepDays)),
  };
  const plan = useCall(
    (signal) => client.bundles.pruneBundles({ ...request, dryRun: true }, { signal }),
    isValid ? [request] : null,
  );
  const [deleted, setDeleted] = useState(0);
  const prune = useAction(async () => {
    // A call deletes a bounded number of versions.
    for (let hasMore = true; hasMore;) {
      const { environments, more } = await client.bundles.pruneBundles({ ...request, dryRun: false });
      setDeleted((before) => before + environments.reduce((sum, one) => sum + one.deleted, 0));
      hasMore = more;
    }
    return true;
  });
  const planned = plan.value?.environments[0];
  const count = planned?.deleted ?? 0;
  return (
    <Dialog
      title={`Prune ${env}`}
      onClose={onClose}
      footer={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button
            kind="danger"
            busy={prune.isRunning}
            disabled={!isValid || count === 0}
            onClick={() => void prune.run().then((done) => done === true && onDone())}
          >
            {prune.isRunning ? `Deleting: ${deleted} of ${count}` : `Delete ${counted(count, "version")}`}
          </Button>
        </>
      }
    >
      <div class="stack">
        <p>
          Deletes old versions. The active one always stays, and so does what any of these rules keeps. Activations and
          the audit stay. This cannot be undone.
        </p>
        <div class="prune-rules">
          {FIELDS.map(([name, label, min, max, unit]) => (
            <Field
              key={name}
              label={label}
              hint={unit}
              error={isBetween(rules[name], min, max) ? undefined : `${min} to ${max}`}
            >
              {(field) => (
                <input
                  {...field}
                  type="number"
                  min={min}
                  max={max}
                  value={rules[name]}
                  onInput={(event) => setRules({ ...rules, [name]: event.currentTarget.value })}
                />
              )}
            </Field>
          ))}
        </div>
        {isValid && (
          <Loaded call={plan} lines={2}>
            {() => <Plan planned={planned} />}
          </Loaded>
        )}
        {prune.error !== undefined && <ErrorNote error={prune.error} />}
      </div>
    </Dialog>
  );
}

function Plan({ planned }: { readonly planned: PrunedEnvironment | undefined }) {
  if (planned === undefined || planned.deleted === 0) return <p>These rules keep every version.</p>;
  const ranges = planned.versions.map(({ first, last }) => (first === last ? `${first}` : `${first}–${last}`));
  return (
    <p>
      <strong>{planned.deleted} versions would be deleted</strong>, {planned.kept} stay
      {planned.production ? ", by the rules of a production environment" : ""}:{" "}
      <span class="prune-ranges">{ranges.join(", ")}</span>
    </p>
  );
}

function isBetween(text: string, min: number, max: number): boolean {
  return /^\d{1,6}$/.test(text) && Number(text) >= min && Number(text) <= max;
}

import { useRef, useState } from "preact/hooks";
import type { Bundle } from "../../../../../gen/signet/v1/bundle_pb.js";
import { changeHeaders, client } from "../../../data/client.js";
import { links, type ProjectAt } from "../../../data/links.js";
import { who } from "../../../data/session.js";
import { useAction } from "../../../data/use-action.js";
import { useCall } from "../../../data/use-call.js";
import { Check, Select } from "../../../elements/field.js";
import type { Lane } from "../lane.js";
import { holdOf, whyNoChange, type Obstacle } from "../obstacles.js";
import { ChangeFrame } from "./change-frame.js";
import { givenReason, ReasonField } from "../../../elements/reason-field.js";
import { createKey } from "./retry-key.js";
import { Step } from "./step.js";

/** Versions that can be chosen here; older ones are activated where they are listed. */
const CHOICES = 100;

interface ActivateDialogProps {
  readonly at: ProjectAt;
  readonly lane: Lane;
  /** `rollback`: the server picks the version. `hold`: what is active, with a hold. */
  readonly kind: "rollback" | "activate" | "hold";
  /** The version to begin with. */
  readonly version: number | undefined;
  readonly onClose: () => void;
  readonly onChanged: () => void;
}

/**
 * Rolls back, activates a kept version or holds what is active, after a preview of what changes. A rollback names the version that the
 * preview showed, and each request the sequence, so that the server refuses what was not looked at.
 */
export function ActivateDialog({ at, lane, kind, version, onClose, onChanged }: ActivateDialogProps) {
  const { name, activeVersion, sequence } = lane.environment;
  const [seen, setSeen] = useState(sequence);
  const [chosen, setChosen] = useState(kind === "hold" ? activeVersion : version);
  const [hold, setHold] = useState(kind === "hold");
  const [reason, setReason] = useState("");
  const key = useRef(createKey());
  const environment = { orgId: at.org, projectId: at.project, envName: name };
  const never = whyNoChange(who.value);
  const isReady = never === undefined && (kind === "rollback" || chosen !== undefined);
  const preview = useCall(
    (signal) => {
      const options = { signal, headers: changeHeaders({ ifMatch: seen }) };
      return kind === "rollback"
        ? client.bundles.rollbackBundle({ ...environment, hold, dryRun: true }, options)
        : client.bundles.activateBundle({ ...environment, version: chosen ?? 0, hold, dryRun: true }, options);
    },
    isReady ? [name, chosen, hold, seen] : null,
  );
  const activation = useAction(async (): Promise<Bundle> => {
    const wanted = preview.value?.version ?? 0;
    const why = { hold, ...givenReason(reason) };
    const headers = changeHeaders({ ifMatch: seen, idempotencyKey: key.current({ kind, wanted, why, seen }) });
    const made =
      kind === "rollback"
        ? await client.bundles.rollbackBundle({ ...environment, toVersion: wanted, ...why }, { headers })
        : await client.bundles.activateBundle({ ...environment, version: wanted, ...why }, { headers });
    onChanged();
    return made;
  });
  const [made, setMade] = useState<Bundle | undefined>();
  // The stream may tell of one's own change before its answer is here.
  const hasMoved = made === undefined && !activation.isRunning && sequence !== seen;
  const previewed = preview.value;
  const obstacles: readonly Obstacle[] = [
    ...(never === undefined ? [] : [{ level: "stop", text: never } as const]),
    ...(hold ? [] : holdOf(lane)),
  ];
  const texts = TEXTS[kind];
  return (
    <ChangeFrame
      title={texts.title(name)}
      action={texts.action(previewed?.version, name)}
      at={at}
      environment={name}
      obstacles={obstacles}
      preview={preview}
      moved={
        hasMoved ? `${name} has changed since this preview: its sequence was ${seen} and is ${sequence}.` : undefined
      }
      change={activation}
      made={made}
      compare={
        previewed === undefined || activeVersion === undefined || previewed.version === activeVersion
          ? undefined
          : links.compare(at, { from: `${name}@${activeVersion}`, to: `${name}@${previewed.version}` })
      }
      onAgain={() => {
        activation.reset();
        setSeen(sequence);
        if (!hasMoved) preview.reload();
        onChanged();
      }}
      onStale={onChanged}
      onSubmit={() => void activation.run().then(setMade)}
      onClose={onClose}
      summary={
        <>
          {kind === "activate" && <VersionChoice at={at} lane={lane} chosen={chosen} onChoose={setChosen} />}
          {(kind === "rollback" || chosen !== undefined) && (
            <Step
              from={{
                environment: name,
                version: activeVersion,
                hash: lane.bundle?.policyHash,
                title: lane.bundle?.title,
              }}
              to={{ environment: name, version: previewed?.version, before: activeVersion }}
            />
          )}
        </>
      }
    >
      <ReasonField value={reason} onInput={setReason} isTold />
      <Check
        checked={hold}
        onChange={setHold}
        label={`Hold ${name} there: nothing changes it, no CI job either, until it is released`}
      />
    </ChangeFrame>
  );
}

const TEXTS = {
  rollback: {
    title: (name: string) => `Roll back ${name}`,
    action: (version: number | undefined) => (version === undefined ? "Roll back" : `Roll back to v${version}`),
  },
  activate: {
    title: (name: string) => `Activate a version in ${name}`,
    action: (version: number | undefined) => (version === undefined ? "Activate" : `Activate v${version}`),
  },
  hold: {
    title: (name: string) => `Hold ${name}`,
    action: (version: number | undefined, name: string) => `Hold ${name} at v${version ?? ""}`,
  },
} as const;

interface VersionChoiceProps {
  readonly at: ProjectAt;
  readonly lane: Lane;
  readonly chosen: number | undefined;
  readonly onChoose: (version: number) => void;
}

function VersionChoice({ at, lane: { environment }, chosen, onChoose }: VersionChoiceProps) {
  const request = { orgId: at.org, projectId: at.project, envName: environment.name, limit: CHOICES };
  const { value } = useCall((signal) => client.bundles.listBundles(request, { signal }), [environment.name]);
  const listed = value?.bundles ?? [];
  const isListed = chosen === undefined || listed.some(({ version }) => version === chosen);
  const options = listed.map(({ version, title, isActive }): readonly [string, string] => [
    String(version),
    `v${version}${isActive ? " (active)" : ""}${title === undefined ? "" : ` · ${title}`}`,
  ]);
  return (
    <div class="row">
      <Select
        label="Version"
        value={chosen === undefined ? "" : String(chosen)}
        options={[
          ...(chosen === undefined ? [["", "Choose a version"] as const] : []),
          ...(isListed ? [] : [[String(chosen), `v${chosen}`] as const]),
          ...options,
        ]}
        onChange={(value) => {
          if (value !== "") onChoose(Number(value));
        }}
      />
      <a href={links.versions(at, { env: environment.name })}>All versions</a>
    </div>
  );
}

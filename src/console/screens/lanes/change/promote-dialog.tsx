import { useRef, useState } from "preact/hooks";
import type { Bundle } from "../../../../../gen/signet/v1/bundle_pb.js";
import { changeHeaders, client } from "../../../data/client.js";
import { links, type ProjectAt } from "../../../data/links.js";
import { who } from "../../../data/session.js";
import { useAction } from "../../../data/use-action.js";
import { useCall } from "../../../data/use-call.js";
import type { Lane } from "../lane.js";
import { obstacles, whyNoPromotion } from "../obstacles.js";
import { ChangeFrame } from "./change-frame.js";
import { Check } from "../../../elements/field.js";
import { givenReason, ReasonField } from "../../../elements/reason-field.js";
import { createKey } from "./retry-key.js";
import { Step } from "./step.js";

interface PromoteDialogProps {
  readonly at: ProjectAt;
  readonly source: Lane;
  readonly target: Lane;
  readonly onClose: () => void;
  readonly onChanged: () => void;
}

/**
 * Promotes what is active in the source: shows before what differs in the target and what stands in the way. The request names the version
 * and the sequence that were shown, so that the server refuses it when either has moved on.
 */
export function PromoteDialog({ at, source, target, onClose, onChanged }: PromoteDialogProps) {
  const from = source.environment;
  const to = target.environment;
  // What the person looks at. Live changes do not replace it unasked.
  const [seen, setSeen] = useState(() => seenOf(source, target));
  const [reason, setReason] = useState("");
  const [skipUnchanged, setSkip] = useState(true);
  const key = useRef(createKey());
  const facts = { source, target, rollout: source.rollout, who: who.value };
  const isPossible = whyNoPromotion(facts) === undefined;
  const request = {
    ...{ orgId: at.org, projectId: at.project, sourceEnv: from.name },
    ...(seen.version === undefined ? {} : { sourceVersion: seen.version }),
  };
  const preview = useCall(
    (signal) =>
      client.bundles.promoteBundle(
        { ...request, dryRun: true },
        { signal, headers: changeHeaders({ ifMatch: seen.sequence }) },
      ),
    isPossible ? [from.name, seen] : null,
  );
  // A refused dry run tells no difference, and a person wants to know what waits behind the refusal.
  const comparison = useCall(
    (signal) =>
      client.bundles.compareBundles(
        { orgId: at.org, projectId: at.project, fromEnv: from.name, toEnv: to.name },
        { signal },
      ),
    preview.error === undefined ? null : [from.name, seen],
  );
  const promotion = useAction(async (): Promise<Bundle> => {
    const change = { ...request, ...givenReason(reason) };
    const idempotencyKey = key.current({ ...change, skipUnchanged, sequence: seen.sequence });
    const headers = changeHeaders({ ifMatch: seen.sequence, skipUnchanged, idempotencyKey });
    const made = await client.bundles.promoteBundle(change, { headers });
    onChanged();
    return made;
  });
  const [made, setMade] = useState<Bundle | undefined>();
  const now = seenOf(source, target);
  // The stream may tell of one's own change before its answer is here.
  const isOpen = made === undefined && !promotion.isRunning;
  const hasMoved = isOpen && (now.version !== seen.version || now.sequence !== seen.sequence);
  const again = () => {
    promotion.reset();
    setSeen(now);
    if (!hasMoved) preview.reload();
    onChanged();
  };
  return (
    <ChangeFrame
      title={`Promote ${from.name} to ${to.name}`}
      action={`Promote to ${to.name}`}
      at={at}
      environment={to.name}
      obstacles={obstacles(facts)}
      preview={preview}
      moved={hasMoved ? movedWords(seen, now, from.name, to.name) : undefined}
      change={promotion}
      made={made}
      isUseless={skipUnchanged && preview.value?.change?.unchanged === true}
      refused={comparison.value?.difference}
      compare={
        from.activeVersion === undefined || to.activeVersion === undefined
          ? undefined
          : links.compare(at, { from: `${from.name}@${from.activeVersion}`, to: `${to.name}@${to.activeVersion}` })
      }
      onAgain={again}
      onStale={onChanged}
      onSubmit={() => void promotion.run().then(setMade)}
      onClose={onClose}
      summary={
        <Step
          from={{
            environment: from.name,
            version: seen.version,
            hash: source.bundle?.policyHash,
            title: source.bundle?.title,
          }}
          to={{ environment: to.name, version: preview.value?.version, before: to.activeVersion }}
        />
      }
    >
      <ReasonField value={reason} onInput={setReason} isTold />
      <Check checked={skipUnchanged} onChange={setSkip} label="Make no new version when the content is the same" />
    </ChangeFrame>
  );
}

interface Seen {
  /** Of the source. */
  readonly version: number | undefined;
  /** Of the target. */
  readonly sequence: number;
}

function seenOf(source: Lane, target: Lane): Seen {
  return { version: source.environment.activeVersion, sequence: target.environment.sequence };
}

function movedWords(seen: Seen, now: Seen, from: string, to: string): string {
  return now.version === seen.version
    ? `${to} has changed since this preview: its sequence was ${seen.sequence} and is ${now.sequence}.`
    : `${from} has changed since this preview: version ${seen.version ?? "none"} was active, now it is ${now.version ?? "none"}.`;
}

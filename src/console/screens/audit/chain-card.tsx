import { useEffect, useRef, useState } from "preact/hooks";
import { announce } from "../../data/announce.js";
import { fullClient } from "../../data/full-client.js";
import { links } from "../../data/links.js";
import { useAction } from "../../data/use-action.js";
import { Button } from "../../elements/button.js";
import { ErrorNote } from "../../elements/error-note.js";
import { counted, numberText } from "../../elements/counted.js";
import { auditKeys } from "./audit-keys.js";
import { browserVerifier } from "./browser-verifier.js";
import { checkChain, type ChainReport } from "./chain-check.js";
import { openOwn } from "./saved-checkpoint.js";

/** Events that are read at once: what the server gives at most. */
const PAGE = 1_000;

interface Outcome extends ChainReport {
  readonly keyIds: readonly string[];
  readonly size: number;
  readonly isStopped: boolean;
}

/** The chain, checked event by event in this browser. */
export function ChainCard({ orgId, org }: { readonly orgId: string; readonly org: string }) {
  const [progress, setProgress] = useState<{ checked: number; size: number } | undefined>();
  const [outcome, setOutcome] = useState<Outcome | undefined>();
  const stop = useRef<AbortController | undefined>(undefined);
  useEffect(() => () => stop.current?.abort(), []);
  const run = useAction(async () => {
    const controller = new AbortController();
    stop.current = controller;
    setOutcome(undefined);
    const [keys, verifier, { note }] = await Promise.all([
      auditKeys(),
      browserVerifier(),
      fullClient.audit.getAuditCheckpoint({ orgId }),
    ]);
    const checkpoint = await openOwn(
      note,
      orgId,
      [...keys.values()].map(({ bytes }) => bytes),
      verifier,
    );
    const { size } = checkpoint;
    const about = { keyIds: [...keys.keys()], size };
    let last = 0;
    setProgress({ checked: 0, size });
    try {
      const report = await checkChain(
        {
          ...{ orgId, keys, verifier, checkpoint, newest: size },
          read: async (after, signal) =>
            (await fullClient.audit.listAuditEvents({ orgId, after, limit: PAGE }, { signal })).events,
          onProgress: (checked) => {
            last = checked;
            setProgress({ checked, size });
          },
          pause: () => new Promise((resolve) => setTimeout(resolve)),
          now: () => performance.now(),
        },
        controller.signal,
      );
      setOutcome({ ...report, ...about, isStopped: false });
      announce(report.broken === null ? "The chain holds" : `The chain is broken at event ${report.broken.id}`);
    } catch (thrown) {
      if (!controller.signal.aborted) throw thrown;
      setOutcome({ checked: last, broken: null, ...about, isStopped: true });
    } finally {
      setProgress(undefined);
    }
  });
  return (
    <section class="card stack" aria-labelledby="chain-title">
      <h2 id="chain-title">Verify the chain here</h2>
      <p>
        This browser reads every event and checks numbers, links and signatures, and that the events are those of the
        signed log. The keys come from the server: compare their ids with ones that you kept.
      </p>
      <div class="row">
        {run.isRunning ? (
          <Button icon="pause" onClick={() => stop.current?.abort()}>
            Stop
          </Button>
        ) : (
          <Button kind="primary" icon="shield" onClick={() => void run.run()}>
            Verify the chain
          </Button>
        )}
        {progress !== undefined && (
          <>
            <progress value={progress.checked} max={Math.max(1, progress.size)} aria-label="Events checked" />
            <span class="number">
              {numberText(progress.checked)} of {numberText(progress.size)}
            </span>
          </>
        )}
      </div>
      {run.error !== undefined && <ErrorNote error={run.error} />}
      {outcome !== undefined && <Verdict outcome={outcome} org={org} />}
    </section>
  );
}

function Verdict({ outcome, org }: { readonly outcome: Outcome; readonly org: string }) {
  const { checked, broken, isLogOfCheckpoint, keyIds, size, isStopped } = outcome;
  const isGood = broken === null && isLogOfCheckpoint !== false && !isStopped;
  const tone = isStopped ? "note-info" : isGood ? "note-good" : "note-bad";
  return (
    <div class={`note ${tone}`} role="status">
      <div class="note-text">
        <p class="note-title">
          {isStopped
            ? `Stopped after ${counted(checked, "event")}`
            : isGood
              ? `The chain holds: ${counted(checked, "event")} checked`
              : broken === null
                ? "The events are not those of the signed log"
                : `Broken at event ${broken.id}`}
        </p>
        {broken !== null && (
          <p>
            <bdi>{broken.reason}</bdi>. <a href={links.audit(org, { event: broken.id })}>Look at event {broken.id}</a>
          </p>
        )}
        {isLogOfCheckpoint !== undefined && (
          <p>
            {isLogOfCheckpoint
              ? `The first ${numberText(size)} events have the root that the log signed.`
              : `The first ${numberText(size)} events have another root than the log signed.`}
          </p>
        )}
        <p>
          Keys:{" "}
          {keyIds.map((keyId) => (
            <code key={keyId}>{keyId} </code>
          ))}
        </p>
      </div>
    </div>
  );
}

import { useEffect, useRef, useState } from "preact/hooks";
import type { VerifyAuditResponse } from "../../../../gen/signet/v1/audit_pb.js";
import { announce } from "../../data/announce.js";
import { fullClient } from "../../data/full-client.js";
import { useAction } from "../../data/use-action.js";
import { Button } from "../../elements/button.js";
import { ErrorNote } from "../../elements/error-note.js";
import { Command } from "../../elements/text.js";
import { counted } from "../../elements/counted.js";

/** Events that one request checks; it takes a second or two. */
const PART = 5_000;

/** The server's own check of the chain, in parts. */
export function ServerCard({ orgId }: { readonly orgId: string }) {
  const [checked, setChecked] = useState<number | undefined>();
  const [report, setReport] = useState<VerifyAuditResponse | undefined>();
  const stop = useRef<AbortController | undefined>(undefined);
  useEffect(() => () => stop.current?.abort(), []);
  const run = useAction(async () => {
    const { signal } = (stop.current = new AbortController());
    setReport(undefined);
    try {
      for (let after = 0; ;) {
        const part = await fullClient.audit.verifyAudit({ orgId, after, limit: PART }, { signal });
        after += part.checked;
        setChecked(after);
        if (part.valid && part.checked === PART) continue;
        setReport({ ...part, checked: after });
        announce(part.valid ? "The server says that the chain holds" : "The server says that the chain is broken");
        return;
      }
    } catch (thrown) {
      if (!signal.aborted) throw thrown;
    }
  });
  return (
    <section class="card stack" aria-labelledby="server-title">
      <h2 id="server-title">The server's own check</h2>
      <p>
        The server walks the chain and the log. It trusts the keys that its current key endorses, which a browser cannot
        see.
      </p>
      <div class="row">
        {run.isRunning ? (
          <Button icon="pause" onClick={() => stop.current?.abort()}>
            Stop
          </Button>
        ) : (
          <Button icon="shield" onClick={() => void run.run()}>
            Have the server verify
          </Button>
        )}
        {run.isRunning && <span role="status">{counted(checked ?? 0, "event")} checked…</span>}
      </div>
      {run.error !== undefined && <ErrorNote error={run.error} />}
      {report !== undefined && (
        <div class={`note ${report.valid ? "note-good" : "note-bad"}`} role="status">
          <div class="note-text">
            <p class="note-title">
              {report.valid
                ? `The server says that the chain holds: ${counted(report.checked, "event")} checked`
                : `The server says: broken at event ${report.firstBroken ?? "?"}`}
            </p>
            {report.reason !== undefined && (
              <p>
                <bdi>{report.reason}</bdi>
              </p>
            )}
            <p>
              Trusted keys:{" "}
              {report.trustedKeyIds.map((keyId) => (
                <code key={keyId}>{keyId} </code>
              ))}
            </p>
            {report.untrustedKeyIds.length > 0 && <p>Not endorsed: {report.untrustedKeyIds.join(", ")}</p>}
          </div>
        </div>
      )}
      <p class="muted">With keys that you kept yourself, from another machine:</p>
      <Command text="signet audit verify --keys audit.pub --expect-checkpoint checkpoint.txt" />
    </section>
  );
}

import { useState } from "preact/hooks";
import { announce } from "../../data/announce.js";
import { fullClient } from "../../data/full-client.js";
import { timestampOfText } from "../../data/timestamps.js";
import { useAction } from "../../data/use-action.js";
import { Button } from "../../elements/button.js";
import { Dialog } from "../../elements/dialog.js";
import { ErrorNote } from "../../elements/error-note.js";
import { TimeFilter } from "../../elements/time-filter.js";
import { counted } from "../../elements/counted.js";

interface ReplayDialogProps {
  readonly org: string;
  readonly id: string;
  readonly onClose: () => void;
}

/** A long replay is made in steps; the answer comes when all are, in milliseconds. */
const TIMEOUT_MS = 120_000;
const HOUR_MS = 3_600_000;

/** Sends again every event since a time, whether it was delivered or not. */
export function ReplayDialog({ org, id, onClose }: ReplayDialogProps) {
  const [since, setSince] = useState(() => new Date(Date.now() - HOUR_MS).toISOString());
  const [replayed, setReplayed] = useState<number | undefined>();
  const from = timestampOfText(since);
  const run = useAction(async () => {
    if (from === undefined) return;
    const request = { orgId: org, webhookId: id, since: from };
    const answer = await fullClient.webhooks.replayWebhookEvents(request, { timeoutMs: TIMEOUT_MS });
    setReplayed(answer.replayed);
    announce(countText(answer.replayed));
  });
  return (
    <Dialog
      title="Replay events"
      onClose={onClose}
      footer={
        replayed === undefined ? (
          <>
            <Button onClick={onClose}>Cancel</Button>
            <Button kind="primary" busy={run.isRunning} disabled={from === undefined} onClick={() => void run.run()}>
              Replay
            </Button>
          </>
        ) : (
          <Button kind="primary" onClick={onClose}>
            Close
          </Button>
        )
      }
    >
      <div class="stack">
        <p>
          Every event since then that this webhook is for is sent again, in order, with the same webhook-id, whether it
          was delivered or not.
        </p>
        <TimeFilter label="Since" value={since} onChange={setSince} />
        {replayed !== undefined && <p role="status">{countText(replayed)}</p>}
        {run.error !== undefined && <ErrorNote error={run.error} />}
      </div>
    </Dialog>
  );
}

function countText(count: number): string {
  return counted(count, "event is sent again.", "events are sent again.");
}

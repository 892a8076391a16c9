import { useState } from "preact/hooks";
import { fullClient } from "../../data/full-client.js";
import { useCall } from "../../data/use-call.js";
import { SignetError } from "../../../sdk/signet-error.js";
import { LogError } from "../../../bundle/log/log-error.js";
import type { OpenedCheckpoint } from "../../../bundle/log/checkpoint.js";
import { encodeBase64 } from "../../../bundle/base64.js";
import { Button } from "../../elements/button.js";
import { Loaded } from "../../elements/states.js";
import { Command, Copy } from "../../elements/text.js";
import { auditKeys } from "./audit-keys.js";
import { browserVerifier } from "./browser-verifier.js";
import {
  forgetSaved,
  growthOf,
  openOwn,
  readSaved,
  writeSaved,
  type Growth,
  type SavedCheckpoint,
} from "./saved-checkpoint.js";
import { saveFile } from "../../elements/save-file.js";
import { numberText } from "../../elements/counted.js";

interface Seen {
  readonly note: string;
  readonly checkpoint: OpenedCheckpoint;
  readonly saved: SavedCheckpoint | null;
  readonly older: OpenedCheckpoint | null;
  readonly growth: Growth | { readonly kind: "unreadable"; readonly why: string } | null;
}

/** The checkpoint of the log, compared with the one that this browser kept at an earlier visit, which it then replaces. */
export function CheckpointCard({ orgId }: { readonly orgId: string }) {
  const [isKept, setKept] = useState(true);
  const call = useCall(
    async (signal) => {
      const seen = await look(orgId, signal);
      const { kind } = seen.growth ?? { kind: "same" };
      // One that does not fit stays: it is the evidence.
      if (seen.growth === null || kind === "same" || kind === "grown") {
        setKept(writeSaved(localStorage, orgId, { note: seen.note, savedAt: new Date().toISOString() }));
      }
      return seen;
    },
    ["checkpoint", orgId],
  );
  return (
    <section class="card stack" aria-labelledby="checkpoint-title">
      <h2 id="checkpoint-title">Checkpoint of the log</h2>
      <p>
        A checkpoint signs all events with one hash. This browser keeps the newest that it verified, and at your next
        visit proves that the log still begins with it.
      </p>
      <Loaded call={call}>
        {({ note, checkpoint, saved, older, growth }) => (
          <>
            <GrowthNote growth={growth} saved={saved} older={older} size={checkpoint.size} />
            <dl class="facts">
              <dt>Log</dt>
              <dd>
                <code>{checkpoint.origin}</code>
              </dd>
              <dt>Events</dt>
              <dd>{numberText(checkpoint.size)}</dd>
              <dt>Root</dt>
              <dd>
                <code>{encodeBase64(checkpoint.root)}</code>{" "}
                <Copy text={encodeBase64(checkpoint.root)} label="Copy the root" compact />
              </dd>
            </dl>
            <div class="row">
              <Button icon="download" onClick={() => saveFile("checkpoint.txt", new Blob([note]))}>
                Download the checkpoint
              </Button>
              {saved !== null && (
                <Button
                  kind="quiet"
                  icon="trash"
                  onClick={() => {
                    forgetSaved(localStorage, orgId);
                    call.reload();
                  }}
                >
                  Forget what this browser kept
                </Button>
              )}
            </div>
            {!isKept && (
              <p class="muted">This browser does not keep data of this page: nothing to compare next time.</p>
            )}
            <Command text="signet audit prove --state checkpoint.txt" />
          </>
        )}
      </Loaded>
    </section>
  );
}

async function look(orgId: string, signal: AbortSignal): Promise<Seen> {
  const [keys, verifier] = await Promise.all([auditKeys(), browserVerifier()]);
  const publicKeys = [...keys.values()].map(({ bytes }) => bytes);
  const saved = readSaved(localStorage, orgId);
  let older: OpenedCheckpoint | null = null;
  let problem: string | null = null;
  if (saved !== null) {
    try {
      older = await openOwn(saved.note, orgId, publicKeys, verifier);
    } catch (thrown) {
      if (!(thrown instanceof LogError)) throw thrown;
      problem = thrown.message;
    }
  }
  const { note, consistency, isShorter } = await checkpointSince(orgId, older?.size, signal);
  const checkpoint = await openOwn(note, orgId, publicKeys, verifier);
  const growth =
    problem !== null
      ? ({ kind: "unreadable", why: problem } as const)
      : older === null
        ? null
        : isShorter
          ? ({ kind: "shorter" } as const)
          : growthOf(older, checkpoint, consistency);
  return { note, checkpoint, saved, older, growth };
}

async function checkpointSince(orgId: string, since: number | undefined, signal: AbortSignal) {
  try {
    const asked = { orgId, ...(since !== undefined && { since }) };
    const { note, consistency } = await fullClient.audit.getAuditCheckpoint(asked, { signal });
    return { note, consistency, isShorter: false };
  } catch (thrown) {
    if (!(thrown instanceof SignetError) || thrown.reason !== "log_shorter") throw thrown;
    const { note } = await fullClient.audit.getAuditCheckpoint({ orgId }, { signal });
    return { note, consistency: [], isShorter: true };
  }
}

interface GrowthNoteProps {
  readonly growth: Seen["growth"];
  readonly saved: SavedCheckpoint | null;
  readonly older: OpenedCheckpoint | null;
  readonly size: number;
}

function GrowthNote({ growth, saved, older, size }: GrowthNoteProps) {
  const [isGood, title, text] = growthText(growth, older?.size ?? 0, size);
  return (
    <div class={`note ${isGood ? "note-good" : "note-bad"}`} role="status">
      <div class="note-text">
        <p class="note-title">{title}</p>
        <p>
          <bdi>{text}</bdi>
        </p>
        {saved !== null && <p class="muted">Kept {saved.savedAt.slice(0, 19).replace("T", " ")} UTC</p>}
      </div>
    </div>
  );
}

function growthText(
  growth: Seen["growth"],
  older: number,
  newer: number,
): [isGood: boolean, title: string, text: string] {
  switch (growth?.kind) {
    case undefined:
      return [true, "Kept in this browser", `The checkpoint of ${newer} events was verified and is kept from now on.`];
    case "same":
      return [true, "Nothing changed", `The log has the same ${newer} events as at the last visit.`];
    case "grown":
      return [true, "The log only grew", `Its ${newer} events begin with the ${older} of the last visit.`];
    case "new_origin":
      return [
        false,
        "The log goes on under a new name",
        `The server says that it lost events, none of the ${older} of the last visit. The audit says when.`,
      ];
    case "history_lost":
      return [false, "Events were lost", `Some of the ${older} events of the last visit are not in the log any more.`];
    case "shorter":
      return [false, "The log has become shorter", `At the last visit it had ${older} events; now it has ${newer}.`];
    case "inconsistent":
      return [false, "History was changed", `The log does not begin with the ${older} events of the last visit.`];
    case "unreadable":
      return [false, "What this browser kept does not verify", growth.why];
  }
}

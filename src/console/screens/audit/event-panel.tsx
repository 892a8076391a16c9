import { fullClient } from "../../data/full-client.js";
import { links } from "../../data/links.js";
import { signetCommand } from "../../data/shell-words.js";
import { useAction } from "../../data/use-action.js";
import { useCall } from "../../data/use-call.js";
import { Button } from "../../elements/button.js";
import { Dialog } from "../../elements/dialog.js";
import { ErrorNote } from "../../elements/error-note.js";
import { Empty, Loaded } from "../../elements/states.js";
import { Actor, Command, Copy } from "../../elements/text.js";
import { Time } from "../../elements/time.js";
import type { AuditEvent } from "../../../../gen/signet/v1/audit_pb.js";
import { useState } from "preact/hooks";
import { auditKeys } from "./audit-keys.js";
import { browserVerifier } from "./browser-verifier.js";
import { proveInclusion, type InclusionVerdict } from "./inclusion.js";
import { metadataRows } from "./metadata.js";
import { saveFile } from "../../elements/save-file.js";

interface EventPanelProps {
  readonly org: string;
  readonly id: number;
  readonly onClose: () => void;
}

/** One event, all of it, and the proof that it is in the log. It has a URL of its own. */
export function EventPanel({ org, id, onClose }: EventPanelProps) {
  const call = useCall(
    async (signal) => {
      const { events } = await fullClient.audit.listAuditEvents({ orgId: org, after: id - 1, limit: 1 }, { signal });
      return events.find((event) => event.id === id) ?? null;
    },
    [org, id],
  );
  return (
    <Dialog
      title={`Event ${id}`}
      wide
      onClose={onClose}
      footer={
        <>
          {id > 1 && <a href={links.audit(org, { event: id - 1 })}>Event {id - 1}</a>}
          <a href={links.audit(org, { event: id + 1 })}>Event {id + 1}</a>
          <Button onClick={onClose}>Close</Button>
        </>
      }
    >
      <Loaded call={call}>
        {(event) =>
          event === null ? (
            <Empty title={`There is no event ${id}`} />
          ) : (
            <div class="stack">
              <EventFacts event={event} org={org} />
              <Inclusion event={event} org={org} />
            </div>
          )
        }
      </Loaded>
    </Dialog>
  );
}

function EventFacts({ event, org }: { readonly event: AuditEvent; readonly org: string }) {
  const { action, actor, performedBy, createdAt, resourceType, resourceId, source, metadata, keyId } = event;
  return (
    <>
      <dl class="facts">
        <dt>Action</dt>
        <dd>
          <a href={links.audit(org, { action })}>
            <code>
              <bdi>{action}</bdi>
            </code>
          </a>
        </dd>
        <dt>Who</dt>
        <dd>
          <a href={links.audit(org, { actor })}>
            <Actor performedBy={performedBy} actor={actor} />
          </a>{" "}
          <code class="muted">{actor}</code> {performedBy !== undefined && `(${performedBy.kind})`}
        </dd>
        <dt>When</dt>
        <dd>
          <Time at={createdAt} absolute />, <Time at={createdAt} />
        </dd>
        <dt>Address</dt>
        <dd>{source === undefined ? "none: no request made it" : <code>{source}</code>}</dd>
        <dt>What</dt>
        <dd>
          <bdi>{resourceType}</bdi> <code>{resourceId}</code> <Copy text={resourceId} label="Copy the id" compact />
        </dd>
      </dl>
      <section class="stack" aria-labelledby="event-metadata">
        <h3 id="event-metadata">Metadata</h3>
        <dl class="facts event-metadata">
          {metadataRows(metadata).map(({ name, value, isNested }) => (
            <div key={name}>
              <dt>
                <bdi>{name}</bdi>
              </dt>
              <dd>
                {isNested ? (
                  <pre tabIndex={0} aria-label={name}>
                    {value}
                  </pre>
                ) : (
                  <bdi>{value}</bdi>
                )}
              </dd>
            </div>
          ))}
        </dl>
      </section>
      <details>
        <summary>Signature and links of the chain</summary>
        <dl class="facts">
          <dt>Key</dt>
          <dd>
            <code>{keyId}</code>
          </dd>
          <dt>Signature</dt>
          <dd>
            <code>{event.signature}</code>
          </dd>
          <dt>Of the event before</dt>
          <dd>
            <code>{event.prevSignature === "" ? "none: this is the first" : event.prevSignature}</code>
          </dd>
        </dl>
      </details>
    </>
  );
}

function Inclusion({ event, org }: { readonly event: AuditEvent; readonly org: string }) {
  const [verdict, setVerdict] = useState<InclusionVerdict | undefined>();
  const prove = useAction(async () => {
    const [keys, verifier, checkpoint] = await Promise.all([
      auditKeys(),
      browserVerifier(),
      fullClient.audit.getAuditCheckpoint({ orgId: org }),
    ]);
    const inclusion = await fullClient.audit.getAuditInclusion({
      orgId: org,
      eventId: event.id,
      size: checkpoint.size,
    });
    setVerdict(await proveInclusion({ event, orgId: checkpoint.orgId, checkpoint, inclusion, keys, verifier }));
  });
  return (
    <section class="stack" aria-labelledby="event-proof">
      <h3 id="event-proof">Proof that it is in the log</h3>
      <div class="row">
        <Button icon="shield" busy={prove.isRunning} onClick={() => void prove.run()}>
          Prove it here
        </Button>
        {verdict?.proof !== undefined && (
          <Button
            icon="download"
            onClick={() => saveFile(`event-${event.id}.tlog-proof`, new Blob([verdict.proof ?? ""]))}
          >
            Download the proof
          </Button>
        )}
      </div>
      {prove.error !== undefined && <ErrorNote error={prove.error} />}
      {verdict !== undefined && (
        <div class={`note ${verdict.isProven ? "note-good" : "note-bad"}`} role="status">
          <div class="note-text">
            <p class="note-title">{verdict.isProven ? "Proven in this browser" : "Not proven"}</p>
            <p>
              <bdi>{verdict.text}</bdi>
            </p>
          </div>
        </div>
      )}
      <Command
        text={signetCommand("audit prove", ["--event", String(event.id)], ["--out", `event-${event.id}.tlog-proof`])}
      />
    </section>
  );
}

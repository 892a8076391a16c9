import { useEffect, useRef, useState } from "preact/hooks";
import { announce } from "../../data/announce.js";
import { fullClient } from "../../data/full-client.js";
import { useAction } from "../../data/use-action.js";
import { Button } from "../../elements/button.js";
import { Dialog } from "../../elements/dialog.js";
import { ErrorNote } from "../../elements/error-note.js";
import { auditRequest, type AuditParams } from "./audit-filter.js";
import { exportAudit, type ExportForm } from "./export.js";
import { saveFile } from "../../elements/save-file.js";
import { counted } from "../../elements/counted.js";

interface ExportDialogProps {
  readonly org: string;
  readonly asked: AuditParams;
  readonly onClose: () => void;
}

const FORMS: readonly (readonly [ExportForm, string, string])[] = [
  ["jsonl", "JSON lines", "Each event as the API has it: for verification and for machines."],
  ["csv", "CSV", "A table. Texts that spreadsheets take for formulas get an apostrophe before them."],
];

/** Writes all events that match the filter into a file. */
export function ExportDialog({ org, asked, onClose }: ExportDialogProps) {
  const [form, setForm] = useState<ExportForm>("jsonl");
  const [written, setWritten] = useState<number | undefined>();
  const [isDone, setDone] = useState(false);
  const stop = useRef<AbortController | undefined>(undefined);
  useEffect(() => () => stop.current?.abort(), []);
  const run = useAction(async () => {
    const controller = new AbortController();
    stop.current = controller;
    setDone(false);
    setWritten(0);
    try {
      const file = await exportAudit(
        {
          form,
          read: async (before, limit, signal) => {
            const request = { ...auditRequest(org, asked), limit, ...(before !== undefined && { before }) };
            return (await fullClient.audit.listAuditEvents(request, { signal })).events;
          },
          onProgress: setWritten,
        },
        controller.signal,
      );
      saveFile(`audit-${org}-${new Date().toISOString().slice(0, 10)}.${form}`, file);
      setDone(true);
      announce("The export is complete");
    } catch (thrown) {
      if (!controller.signal.aborted) throw thrown;
      setWritten(undefined);
    }
  });
  const filters = Object.entries(asked);
  return (
    <Dialog
      title="Export the audit"
      onClose={onClose}
      footer={
        run.isRunning ? (
          <Button onClick={() => stop.current?.abort()}>Stop</Button>
        ) : (
          <>
            <Button onClick={onClose}>Close</Button>
            <Button kind="primary" icon="download" onClick={() => void run.run()}>
              Export
            </Button>
          </>
        )
      }
    >
      <div class="stack">
        <p>
          {filters.length === 0
            ? "All events, newest first."
            : `The events that match ${filters.map(([name, value]) => `${name} ${String(value)}`).join(", ")}, newest first.`}
        </p>
        <fieldset disabled={run.isRunning}>
          <legend>Form</legend>
          {FORMS.map(([value, label, hint]) => (
            <label key={value} class="check">
              <input type="radio" name="form" checked={form === value} onChange={() => setForm(value)} />
              <span>
                {label} <span class="muted">{hint}</span>
              </span>
            </label>
          ))}
        </fieldset>
        {written !== undefined && (
          <p role="status">
            {counted(written, "event")}
            {isDone ? " written." : " read…"}
          </p>
        )}
        {run.error !== undefined && <ErrorNote error={run.error} />}
      </div>
    </Dialog>
  );
}

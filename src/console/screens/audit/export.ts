import { AuditEventSchema, type AuditEvent } from "../../../../gen/signet/v1/audit_pb.js";
import { writeField } from "../../../json-form/write.js";
import { isoOfTimestamp } from "../../data/timestamps.js";
import { csvRow } from "./csv.js";

/** The forms of an export: the API's own JSON objects, one a line, or a table. */
export type ExportForm = "jsonl" | "csv";

/** Events that are asked for at once: what the server gives at most. */
const PAGE = 1_000;

const CSV_HEAD = [
  ...["id", "created_at", "action", "actor", "actor_name", "actor_kind", "resource_type", "resource_id"],
  ...["source", "metadata", "key_id", "signature", "prev_signature"],
];

/** An export on its way. */
export interface AuditExport {
  readonly form: ExportForm;
  /** The newest events below a number that match, newest first; none at the end. */
  readonly read: (before: number | undefined, limit: number, signal: AbortSignal) => Promise<readonly AuditEvent[]>;
  readonly onProgress: (written: number) => void;
}

/** All events that match as one file, newest first, as the API lists them. Throws what `read` throws, and the signal's reason. */
export async function exportAudit({ form, read, onProgress }: AuditExport, signal: AbortSignal): Promise<Blob> {
  // A blob keeps its parts outside of the page's memory.
  const parts: Blob[] = form === "csv" ? [new Blob([csvRow(CSV_HEAD)])] : [];
  let before: number | undefined;
  for (let written = 0; ;) {
    const events = await read(before, PAGE, signal);
    signal.throwIfAborted();
    if (events.length === 0) break;
    parts.push(new Blob([events.map(form === "csv" ? csvOf : jsonOf).join("")]));
    written += events.length;
    before = events.at(-1)?.id;
    onProgress(written);
  }
  return new Blob(parts, { type: form === "csv" ? "text/csv;charset=utf-8" : "application/x-ndjson" });
}

/** As REST has it. Descriptors of the console do not tell that the metadata is JSON, which stands there as it is. */
function jsonOf(event: AuditEvent): string {
  const members = AuditEventSchema.fields.map((field) => {
    const isMetadata = field.name === AuditEventSchema.field.metadata.name;
    const value = isMetadata && isJson(event.metadata) ? event.metadata : writeField(field, event);
    return `${JSON.stringify(field.name)}:${value}`;
  });
  return `{${members.join(",")}}\n`;
}

/** So that a broken server cannot break the lines around it. */
function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return !text.includes("\n");
  } catch {
    return false;
  }
}

function csvOf(event: AuditEvent): string {
  const { id, createdAt, action, actor, performedBy, resourceType, resourceId, source, metadata, keyId } = event;
  const at = isoOfTimestamp(createdAt);
  return csvRow([
    ...[id, at, action, actor, performedBy?.name ?? "", performedBy?.kind ?? "", resourceType, resourceId],
    ...[source ?? "", metadata, keyId, event.signature, event.prevSignature],
  ]);
}

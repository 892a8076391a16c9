import { invalidField } from "../../core/error.js";
import type { Cursor } from "../../service/access/cursor.js";

/**
 * The cursor of a Last-Event-ID header, with which an EventSource reconnects: `<sequence>.<deployment_id>`, or the sequence alone.
 * Throws `invalid` for anything else.
 */
export function resumeCursor(header: string | null): Cursor | undefined {
  if (header === null || header === "") return undefined;
  const [, sequence, afterDeploymentId = ""] = /^(\d{1,10})(?:\.([0-9A-Za-z-]{1,64}))?$/.exec(header) ?? [];
  if (sequence === undefined) {
    throw invalidField(["last-event-id"], "must be a sequence, or <sequence>.<deployment_id>", "value", "header");
  }
  return { afterSequence: Number(sequence), afterDeploymentId };
}

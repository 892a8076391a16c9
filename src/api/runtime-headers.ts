import { invalidField } from "../core/error.js";
import { MAX_WAIT_SECONDS } from "../service/latest.js";

const MAX_TAGS = 100;

/**
 * The entity tags of an If-None-Match header (RFC 9110, section 13.1.2) without quotes and `W/`. Unquoted tags are taken too, since
 * documented runtimes send them (api.md, "Runtimes").
 */
export function entityTags(header: string | null): readonly string[] {
  if (header === null) return [];
  const tags = header.split(",", MAX_TAGS).map((part) =>
    part
      .trim()
      .replace(/^W\//, "")
      .replace(/^"(.*)"$/, "$1"),
  );
  return tags.filter((tag) => tag !== "");
}

/** The wait of a Prefer header (RFC 7240, section 4.3), at most 300 seconds; 0 without one. */
export function preferredWaitSeconds(header: string | null): number {
  const wait = /(?:^|[,;])\s*wait\s*=\s*"?(\d{1,9})"?\s*(?:$|[,;])/i.exec(header ?? "")?.[1];
  return Math.min(Number(wait ?? 0), MAX_WAIT_SECONDS);
}

/** The sequence of a Last-Event-ID header, with which an EventSource comes back. Throws `invalid` for anything but digits. */
export function resumeSequence(header: string | null): number | undefined {
  if (header === null || header === "") return undefined;
  if (!/^\d{1,10}$/.test(header)) throw invalidField(["last-event-id"], "must be a sequence", "value", "header");
  return Number(header);
}

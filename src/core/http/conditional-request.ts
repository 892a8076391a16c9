const MAX_TAGS = 100;

/**
 * What a server that compresses on the way adds to an entity tag: `"…-gzip"` and `"…"-gzip` (Apache), `"…--gzip"` (Jetty), `"…;gzip"`.
 * None of ours ends so.
 */
const CODING = /(?:--?|;)(?:gzip|br|zstd|deflate)$/i;

/** An entity tag without quotes, `W/` and what was added on the way. */
export function plainEntityTag(tag: string): string {
  const quoted = tag.trim().replace(/^W\//, "").replace(CODING, "");
  return quoted.replace(/^"(.*)"$/, "$1").replace(CODING, "");
}

/**
 * The entity tags of an If-None-Match header (RFC 9110, section 13.1.2) without quotes and `W/`. Unquoted tags are taken too, since
 * documented runtimes send them (api.md, "Runtimes").
 */
export function entityTags(header: string | null): readonly string[] {
  if (header === null) return [];
  const tags = header.split(",", MAX_TAGS).map(plainEntityTag);
  return tags.filter((tag) => tag !== "");
}

/** The longest time that a poll is held. */
export const MAX_WAIT_SECONDS = 300;

/** The wait of a Prefer header (RFC 7240, section 4.3), at most 300 seconds; 0 without one. */
export function preferredWaitSeconds(header: string | null): number {
  const wait = /(?:^|[,;])\s*wait\s*=\s*"?(\d{1,9})"?\s*(?:$|[,;])/i.exec(header ?? "")?.[1];
  return Math.min(Number(wait ?? 0), MAX_WAIT_SECONDS);
}

/**
 * Whether an Accept header asks for server-sent events: by name only. Every EventSource names them, and clients that read lines often
 * accept anything.
 */
export function acceptsEvents(accept = ""): boolean {
  return accept.split(",").some((range) => {
    const [type = "", ...parameters] = range.split(";").map((part) => part.trim().toLowerCase());
    return type === "text/event-stream" && !parameters.some((parameter) => /^q=0(\.0*)?$/.test(parameter));
  });
}

/** More parts than any client sends; the rest is not read. */
const MAX_PARTS = 64;

/**
 * How much a client wants one of `names` (RFC 9110, section 12.4.2), 0 to 1: by the first of them that the header has, so put the most
 * specific first, for example `["text/html", "text/*", "*\/*"]`. Undefined when it has none of them. Names are lower case.
 */
export function qualityOf(header: string | undefined, names: readonly string[]): number | undefined {
  const parts = (header ?? "").toLowerCase().split(",", MAX_PARTS);
  const qualities = new Map(
    parts.map((part) => {
      const [name = "", ...parameters] = part.split(";").map((each) => each.trim());
      const quality = parameters.find((each) => each.startsWith("q="))?.slice(2);
      return [name, quality === undefined ? 1 : numberOf(quality)] as const;
    }),
  );
  const named = names.find((name) => qualities.has(name));
  return named === undefined ? undefined : qualities.get(named);
}

/** A malformed weight is none at all. */
function numberOf(quality: string): number {
  return /^(?:0(?:\.\d{0,3})?|1(?:\.0{0,3})?)$/.test(quality) ? Number(quality) : 0;
}

/** Whether a client prefers HTML to JSON and says so by name: browsers do, and nothing that takes `*\/*`. */
export function prefersHtml(accept: string | undefined): boolean {
  const html = qualityOf(accept, ["text/html"]) ?? 0;
  const json = qualityOf(accept, ["application/json"]);
  // Named beats a wildcard with the same weight.
  return json === undefined ? html > 0 && html >= (qualityOf(accept, ["application/*", "*/*"]) ?? 0) : html > json;
}

/** The encoding to answer with, of those that there are: the one that the client wants most, brotli before gzip; null is none. */
export function encodingFor<T extends string>(accept: string | undefined, available: readonly T[]): T | null {
  const wanted = available
    .map((encoding) => ({ encoding, quality: qualityOf(accept, [encoding, "*"]) ?? 0 }))
    .filter(({ quality }) => quality > 0)
    .sort((a, b) => b.quality - a.quality);
  return wanted[0]?.encoding ?? null;
}

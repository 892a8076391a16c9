/** The media type of policies that are one JSON document: the kind of a bundle unless its publisher names another one. */
export const JSON_POLICIES = "application/json";

/** The media type of Rego files with their data, as Open Policy Agent has them: "kind OPA" (bundle/opa/opa-policies.ts). */
export const OPA_POLICIES = "application/vnd.openpolicyagent.bundles";

/** What the policies of a bundle may be. The proto has the same list. */
export const MEDIA_TYPES = [JSON_POLICIES, OPA_POLICIES] as const;

/** One of {@link MEDIA_TYPES}. */
export type MediaType = (typeof MEDIA_TYPES)[number];

/** A text as a media type of policies; null for any other text. Exact: in lower case, without parameters. */
export function mediaTypeOf(text: string): MediaType | null {
  return MEDIA_TYPES.find((known) => known === text) ?? null;
}

/** A label as it is typed. */
export interface LabelRow {
  readonly key: string;
  readonly value: string;
}

/** What is typed for a publication. */
export interface Draft {
  /** The policy document. */
  readonly policies: string;
  /** What the policies are; empty for JSON. */
  readonly mediaType: string;
  /** Empty for none. */
  readonly scopePolicies: string;
  readonly title: string;
  readonly description: string;
  readonly labels: readonly LabelRow[];
  readonly repository: string;
  readonly revision: string;
  readonly url: string;
  readonly publishedBy: string;
  /** The release envelope of the content, for projects whose root asks for one; empty for none. */
  readonly release: string;
}

/** A draft with nothing in it. */
export const EMPTY_DRAFT: Draft = {
  policies: "",
  mediaType: "",
  scopePolicies: "",
  ...{ title: "", description: "", labels: [], repository: "", revision: "", url: "", publishedBy: "", release: "" },
};

/** A draft from its JSON text; what it lacks is empty. Undefined for every other text: something else may have written it. */
export function parseDraft(text: string): Draft | undefined {
  try {
    const kept: unknown = JSON.parse(text);
    return isDraft(kept) ? { ...EMPTY_DRAFT, ...kept } : undefined;
  } catch {
    return undefined;
  }
}

/** Whether all that it has is of its kind. */
function isDraft(kept: unknown): kept is Partial<Draft> {
  if (kept === null || typeof kept !== "object") return false;
  const { labels = [], ...texts } = kept as Readonly<Record<string, unknown>>;
  return (
    Array.isArray(labels) && labels.every(isLabel) && Object.values(texts).every((text) => typeof text === "string")
  );
}

function isLabel(row: unknown): boolean {
  if (row === null || typeof row !== "object") return false;
  const { key, value } = row as Readonly<Record<string, unknown>>;
  return typeof key === "string" && typeof value === "string";
}

/** The request of a draft, without its place. Empty fields are left out. */
export function requestOf(draft: Draft) {
  const {
    policies,
    mediaType,
    scopePolicies,
    title,
    description,
    labels,
    repository,
    revision,
    url,
    publishedBy,
    release,
  } = draft;
  const given = (name: string, text: string) => (text.trim() === "" ? {} : { [name]: text.trim() });
  const hasSource = [repository, revision, url].some((text) => text.trim() !== "");
  return {
    policies,
    ...given("mediaType", mediaType),
    ...given("scopePolicies", scopePolicies),
    ...given("title", title),
    ...given("description", description),
    ...given("publishedBy", publishedBy),
    ...given("release", release),
    labels: Object.fromEntries(
      labels.filter(({ key }) => key.trim() !== "").map(({ key, value }) => [key.trim(), value]),
    ),
    ...(hasSource && { source: { repository: repository.trim(), revision: revision.trim(), url: url.trim() } }),
  };
}

/** What is wrong with the labels, in words; undefined when nothing is. The server has the same limits. */
export function labelFlaw(labels: readonly LabelRow[]): string | undefined {
  const named = labels.filter(({ key, value }) => key.trim() !== "" || value !== "");
  const keys = named.map(({ key }) => key.trim());
  if (keys.includes("")) return "a label needs a key";
  if (new Set(keys).size < keys.length) return "a key occurs twice";
  if (keys.some((key) => key.length > 63)) return "a key has at most 63 characters";
  return keys.length > 64 ? "at most 64 labels" : undefined;
}

import type { ErrorObject } from "ajv/dist/2020.js";

/** Longer keys are cut in errors: a key can be as long as the document. */
const MAX_SHOWN_KEY = 200;

/** The path of the value that an error is about; of a property that may not be there, the property's. */
export function pathOf({ instancePath, keyword, params }: ErrorObject): readonly string[] {
  const path = instancePath
    .split("/")
    .slice(1)
    .map((segment) => segment.replaceAll("~1", "/").replaceAll("~0", "~"));
  const extra = extraProperty(keyword, params);
  return extra === undefined ? path : [...path, extra];
}

/** What is wrong, for a person. */
export function problemOf({ keyword, message = "is refused", params }: ErrorObject): string {
  const given = params as Readonly<Record<string, unknown>>;
  if (extraProperty(keyword, params) !== undefined) return "is not a property that the schema knows";
  if (keyword === "enum") return `must be one of ${listOf(given.allowedValues)}`;
  if (keyword === "const") return `must be ${JSON.stringify(given.allowedValue)}`;
  if (keyword === "propertyNames") return `has a property whose name is refused: ${JSON.stringify(given.propertyName)}`;
  if (keyword === "false schema") return "may not be there";
  return message;
}

/** A path as errors show it. */
export function shownPath(path: readonly string[]): readonly string[] {
  return path.map((key) => (key.length > MAX_SHOWN_KEY ? `${key.slice(0, MAX_SHOWN_KEY).toWellFormed()}…` : key));
}

function extraProperty(keyword: string, params: unknown): string | undefined {
  const { additionalProperty, unevaluatedProperty } = params as Readonly<Record<string, string | undefined>>;
  if (keyword === "additionalProperties") return additionalProperty;
  return keyword === "unevaluatedProperties" ? unevaluatedProperty : undefined;
}

function listOf(values: unknown): string {
  return Array.isArray(values) ? values.map((value) => JSON.stringify(value)).join(", ") : "";
}

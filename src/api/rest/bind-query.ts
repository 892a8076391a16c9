import type { DescField, Message } from "@bufbuild/protobuf";
import type { FieldErrors } from "../../core/field-errors.js";
import { setNested } from "../../json-form/fields.js";
import { decodePercent } from "./path.js";
import type { Route } from "./routes.js";
import { valueFromText } from "./text-value.js";

/**
 * Sets the fields of a message from a query string. Names are proto names, dotted for nested fields. Any other name is refused by a
 * route that answers a list, and ignored by the rest (api.md, "JSON"). A repeated field takes every value of its name, in order;
 * anything else that comes twice is refused.
 *
 * Throws `malformed` when the query is not percent-encoded UTF-8, whether or not a field has that name.
 */
export function bindQuery(
  message: Message,
  query: string,
  { queryFields, isList }: Pick<Route, "queryFields" | "isList">,
  errors: FieldErrors,
): void {
  for (const [name, texts] of parseQuery(query)) {
    const path = queryFields.get(name);
    if (path !== undefined) bindParameter(message, path, texts, ["query", name], errors);
    else if (isList) errors.add(["query", name], unknownText([...queryFields.keys()]), "unknown");
  }
}

function unknownText(known: readonly string[]): string {
  return known.length === 0 ? "is unknown: this list has no parameters" : `is unknown: allowed are ${known.join(", ")}`;
}

function bindParameter(
  message: Message,
  path: readonly DescField[],
  texts: readonly string[],
  loc: readonly string[],
  errors: FieldErrors,
): void {
  const field = path.at(-1);
  if (field === undefined) return;
  const isList = field.fieldKind === "list";
  if (!isList && texts.length > 1) return errors.add(loc, "must be there only once", "duplicate");
  const values: unknown[] = [];
  for (const text of texts) {
    const parsed = valueFromText(field, text);
    if (!("value" in parsed)) return errors.add(loc, parsed.msg, parsed.type);
    values.push(parsed.value);
  }
  setNested(message, path, isList ? values : values[0]);
}

/** By name, as application/x-www-form-urlencoded has it (`+` is a space), but strict. */
function parseQuery(query: string): Map<string, string[]> {
  const parameters = new Map<string, string[]>();
  for (const pair of query.split("&")) {
    if (pair === "") continue;
    const equals = pair.indexOf("=");
    const name = decode(equals < 0 ? pair : pair.slice(0, equals));
    const value = decode(equals < 0 ? "" : pair.slice(equals + 1));
    const values = parameters.get(name);
    if (values === undefined) parameters.set(name, [value]);
    else values.push(value);
  }
  return parameters;
}

function decode(text: string): string {
  return decodePercent(text.replaceAll("+", " "), "query");
}

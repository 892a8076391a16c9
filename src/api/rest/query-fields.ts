import type { DescField, DescMessage } from "@bufbuild/protobuf";
import { fieldRulesOf } from "../../json-form/field-rules.js";
import { isFieldMask, isTimestamp } from "../../json-form/fields.js";

/** What the body of a request goes into: nothing, every field that the path does not bind, one field, or a google.api.HttpBody as it is. */
export type BodyTarget =
  | { readonly kind: "none" }
  | { readonly kind: "all"; readonly message: DescMessage }
  | { readonly kind: "field"; readonly field: DescField }
  | { readonly kind: "http_body"; readonly field: DescField & { readonly fieldKind: "message" } };

/** The fields that a query can set, each by its dotted proto name and with the messages that it stands in. */
export type QueryFields = ReadonlyMap<string, readonly DescField[]>;

/**
 * All fields that neither path nor body binds (google.api.http, "Rules for HTTP mapping"): scalars, enums, Timestamp, FieldMask,
 * lists of those, and what is in single messages. Maps, lists of messages and json_text have no form in a query and are left out.
 */
export function queryFieldsOf(input: DescMessage, bound: ReadonlySet<string>, body: BodyTarget): QueryFields {
  const found = new Map<string, readonly DescField[]>();
  if (body.kind === "all") return found;
  const collect = (message: DescMessage, outer: readonly DescField[]): void => {
    for (const field of message.fields) {
      const path = [...outer, field];
      const name = path.map((part) => part.name).join(".");
      if (bound.has(name) || ("field" in body && path[0] === body.field)) continue;
      if (isLeaf(field)) found.set(name, path);
      // Recursive messages have no end: a query has one level of them.
      else if (field.fieldKind === "message" && !outer.some((part) => part.message === field.message))
        collect(field.message, path);
    }
  };
  collect(input, []);
  return found;
}

function isLeaf(field: DescField): boolean {
  if (field.fieldKind === "map" || fieldRulesOf(field).jsonText) return false;
  return field.message === undefined || isTimestamp(field.message) || isFieldMask(field.message);
}

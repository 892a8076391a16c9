import type { DescField, DescMessage } from "@bufbuild/protobuf";
import { fieldNamed } from "../../json-form/fields.js";

/** What the body of a request goes into: nothing, every field that the path does not bind, or one field. */
export type BodyTarget =
  | { readonly kind: "none" }
  | { readonly kind: "all"; readonly message: DescMessage }
  | { readonly kind: "field"; readonly field: DescField };

/** The target that `body` of a google.api.http rule names. Throws an Error with the method's name when there is no such field. */
export function bodyTarget(name: string, input: DescMessage, body: string): BodyTarget {
  if (body === "") return { kind: "none" };
  if (body === "*") return { kind: "all", message: input };
  return { kind: "field", field: topField(name, input, body, "body") };
}

/** A field of the message itself, not of a nested one. Throws an Error when there is none of that name. */
export function topField(name: string, message: DescMessage, fieldName: string, what: string): DescField {
  const field = fieldNamed(message, fieldName);
  if (field === undefined) throw new Error(`${name}: ${what} "${fieldName}" is not a field of ${message.typeName}`);
  return field;
}

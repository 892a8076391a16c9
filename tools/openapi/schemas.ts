import type { DescField, DescMessage, ScalarType } from "@bufbuild/protobuf";
import { FeatureSet_FieldPresence } from "@bufbuild/protobuf/wkt";
import type { FieldRules } from "../../gen/signet/v1/options_pb.js";
import { fieldRulesOf } from "../../src/json-form/field-rules.js";
import { isFieldMask, isTimestamp } from "../../src/json-form/fields.js";
import { integerRange, restScalar } from "../../src/api/rest/scalar.js";
import { commentOf, describedBy } from "./comments.js";
import type { Schema } from "./model.js";

const MAX_INT32 = 2 ** 31 - 1;

/** Which way a value goes: the same message is lenient in a request and complete in a response. */
export type Direction = "request" | "response";

/**
 * JSON Schemas of messages as REST reads and writes them (src/api/rest/json-value.ts and write.ts). Messages become components: in
 * a response under their name, in a request with "Input" behind it.
 */
export class Schemas {
  readonly components: Record<string, Schema> = {};

  /** A message inside of something else. Timestamp, FieldMask and Empty have no component. */
  ofMessage(message: DescMessage, direction: Direction): Schema {
    if (isTimestamp(message)) return { type: "string", format: "date-time" };
    if (isFieldMask(message)) return { type: "string" };
    if (message.typeName === "google.protobuf.Empty") return { type: "object" };
    const name = direction === "request" ? `${nameOf(message)}Input` : nameOf(message);
    if (!(name in this.components)) {
      // Before its fields, so that a message inside of itself ends.
      this.components[name] = {};
      this.components[name] = this.object(message, message.fields, direction);
    }
    return referenceTo(name);
  }

  /** The body of a request: a message without the fields that come from elsewhere. */
  ofBody(message: DescMessage, isElsewhere: (field: DescField) => boolean): Schema {
    const fields = message.fields.filter((field) => !isElsewhere(field));
    const schema = this.object(message, fields, "request");
    const name = nameOf(message);
    const known = (this.components[name] ??= schema);
    // Another binding of the method may bind other fields in its path.
    return JSON.stringify(known) === JSON.stringify(schema) ? referenceTo(name) : schema;
  }

  /** A field with its description; in a response `null` when it may be unset. */
  ofField(field: DescField, direction: Direction): Schema {
    const schema = this.valueOf(field, direction);
    const nullable = mayBeNull(field, direction) ? orNull(schema) : schema;
    return { ...nullable, ...describedBy(field), ...(field.deprecated ? { deprecated: true } : {}) };
  }

  /** A field whose value is there. */
  valueOf(field: DescField, direction: Direction): Schema {
    const rules = fieldRulesOf(field);
    if (rules.jsonText) return jsonText(rules);
    const item = this.itemOf(field, direction);
    switch (field.fieldKind) {
      case "list":
        return { type: "array", items: item, ...bounds("Items", rules.minItems, rules.maxItems) };
      case "map":
        return { type: "object", additionalProperties: item, ...bounds("Properties", rules.minItems, rules.maxItems) };
      case "scalar":
      case "enum":
      case "message":
        return item;
    }
  }

  private itemOf(field: DescField, direction: Direction): Schema {
    if (field.message !== undefined) return this.ofMessage(field.message, direction);
    if (field.enum !== undefined) return { type: "string", enum: field.enum.values.map(({ name }) => name) };
    return scalar(field.scalar, fieldRulesOf(field));
  }

  private object(message: DescMessage, fields: readonly DescField[], direction: Direction): Schema {
    const properties = Object.fromEntries(fields.map((field) => [field.name, this.ofField(field, direction)]));
    const required = fields.filter((field) => direction === "response" || fieldRulesOf(field).required);
    return {
      type: "object",
      ...describedBy(message),
      properties,
      ...(required.length === 0 ? {} : { required: required.map(({ name }) => name) }),
    };
  }
}

/** What write.ts writes as null, and what json-value.ts takes as absent or cleared. */
function mayBeNull(field: DescField, direction: Direction): boolean {
  const rules = fieldRulesOf(field);
  if (rules.required) return false;
  if (field.fieldKind === "list" || field.fieldKind === "map") return false;
  if (rules.jsonText && direction === "response") return true;
  return field.presence === FeatureSet_FieldPresence.EXPLICIT;
}

function orNull(schema: Schema): Schema {
  const { type, enum: values, ...rest } = schema;
  if (typeof type === "string") {
    return {
      type: [type, "null"],
      ...(Array.isArray(values) ? { enum: [...(values as unknown[]), null] } : {}),
      ...rest,
    };
  }
  return "$ref" in schema ? { oneOf: [schema, { type: "null" }] } : schema;
}

function jsonText({ jsonType, minItems, maxItems }: FieldRules): Schema {
  if (jsonType === "object")
    return { type: "object", additionalProperties: true, ...bounds("Properties", minItems, maxItems) };
  // Without a type it is any JSON.
  return jsonType === "array" ? { type: "array", items: {} } : {};
}

function scalar(type: ScalarType, rules: FieldRules): Schema {
  switch (restScalar(type)) {
    case "string":
      return {
        type: "string",
        ...(rules.format === "" ? {} : { format: rules.format }),
        ...(rules.values.length === 0 ? {} : { enum: rules.values }),
        ...(rules.pattern === "" ? {} : { pattern: rules.pattern }),
        ...bounds("Length", rules.minLength, rules.maxLength),
      };
    case "bool":
      return { type: "boolean" };
    case "number":
      return { type: "number" };
    case "integer": {
      const { min, max } = integerRange(type);
      return integer(rules.minimum || min, rules.maximum || max);
    }
    case undefined:
      throw new Error("checkRequest and checkResponse let no such field pass");
  }
}

/** With the format that generated clients need to choose a type that holds it. */
export function integer(minimum: number, maximum?: number): Schema {
  const format = maximum !== undefined && maximum <= MAX_INT32 ? "int32" : "int64";
  return { type: "integer", format, minimum, ...(maximum === undefined ? {} : { maximum }) };
}

function bounds(of: "Items" | "Properties" | "Length", min: number, max: number): Schema {
  return { ...(min === 0 ? {} : { [`min${of}`]: min }), ...(max === 0 ? {} : { [`max${of}`]: max }) };
}

function referenceTo(name: string): Schema {
  return { $ref: `#/components/schemas/${name}` };
}

/**
 * Without the package; a nested message has the names around it. Generators of clients make a type `<Method>Response` of their own, so
 * the schema of that message is called `<Method>Answer`.
 */
function nameOf(message: DescMessage): string {
  const name = message.typeName.slice(message.file.proto.package.length + 1).replaceAll(".", "");
  return name.replace(/(.)Response$/, "$1Answer");
}

/** The comment of a message for a response, or of the field that is one. */
export function responseComment(message: DescMessage, field: DescField | undefined): string {
  return (field === undefined ? "" : commentOf(field)) || commentOf(message);
}

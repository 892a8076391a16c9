import type { DescField, DescMessage } from "@bufbuild/protobuf";
import { FieldMaskSchema, TimestampSchema } from "@bufbuild/protobuf/wkt";
import type { JsonBounds, JsonShape } from "../../bundle/json-bounds.js";
import { fieldRulesOf } from "../../json-form/field-rules.js";

/** Fields, elements and entries of one request, together: ten times what the largest list takes. */
export const MAX_MESSAGE_VALUES = 10_000;

/** Of a message outside of signet.v1, which has no limits for its lists. */
const MAX_OTHER_ITEMS = 1_000;

/** The most elements or entries of a repeated field, by its rules. */
export function maxItemsOf(field: DescField): number {
  if (field.parent.typeName === FieldMaskSchema.typeName) return MAX_OTHER_ITEMS;
  return fieldRulesOf(field).maxItems || MAX_OTHER_ITEMS;
}

/**
 * Throws an Error for a list or map in a request that says no max_items: such a server must not start. What comes in is counted by
 * them, and OpenAPI tells them.
 */
export function requireItemLimits(message: DescMessage, seen = new Set<DescMessage>()): void {
  if (seen.has(message) || message.typeName.startsWith("google.")) return;
  seen.add(message);
  for (const field of message.fields) {
    const isMany = field.fieldKind === "list" || field.fieldKind === "map";
    if (isMany && fieldRulesOf(field).maxItems === 0)
      throw new Error(`${message.typeName}.${field.name}: a list or map of a request has no max_items`);
    if (field.message !== undefined) requireItemLimits(field.message, seen);
  }
}

/** How the texts of json_text fields stand in JSON: as they are in REST, in a string elsewhere. */
export type JsonTextForm = "raw" | "string";

/** What the JSON of a message may hold. */
export function messageBounds(message: DescMessage, form: JsonTextForm): JsonBounds {
  return { shape: messageShape(message, form, new Map()), maxValues: MAX_MESSAGE_VALUES };
}

/** What the JSON of one field may hold, where it is the whole body. */
export function fieldBounds(field: DescField, form: JsonTextForm): JsonBounds {
  return { shape: fieldShape(field, form, new Map()), maxValues: MAX_MESSAGE_VALUES };
}

type Shapes = Map<DescMessage, JsonShape>;

function messageShape(message: DescMessage, form: JsonTextForm, shapes: Shapes): JsonShape {
  const known = shapes.get(message);
  if (known !== undefined) return known;
  const members = new Map<string, JsonShape>();
  const shape: JsonShape = message.typeName === TimestampSchema.typeName ? {} : { members };
  // Before its fields, which may have messages of this type.
  shapes.set(message, shape);
  for (const field of message.fields) {
    const inner = fieldShape(field, form, shapes);
    members.set(field.name, inner).set(field.jsonName, inner);
  }
  return shape;
}

function fieldShape(field: DescField, form: JsonTextForm, shapes: Shapes): JsonShape {
  const item = field.message === undefined ? {} : messageShape(field.message, form, shapes);
  if (field.fieldKind === "list" || field.fieldKind === "map") return { maxItems: maxItemsOf(field), items: item };
  return form === "raw" && fieldRulesOf(field).jsonText ? { isRaw: true } : item;
}

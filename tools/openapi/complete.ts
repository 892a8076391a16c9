import type { Schema } from "./model.js";

type Schemas = Readonly<Record<string, Schema>>;

/**
 * An example with the required fields that it lacks, each as if it were unset: those that were added to the API since the example was
 * recorded (test/openapi/examples/record.ts).
 */
export function complete(value: unknown, schema: Schema, schemas: Schemas): unknown {
  const { properties, required, items } = resolved(schema, schemas) as {
    readonly properties?: Schemas;
    readonly required?: readonly string[];
    readonly items?: Schema;
  };
  if (Array.isArray(value)) return items === undefined ? value : value.map((item) => complete(item, items, schemas));
  if (typeof value !== "object" || value === null || properties === undefined) return value;
  const known = value as Readonly<Record<string, unknown>>;
  const entries = Object.entries(properties).flatMap(([name, property]) => {
    if (name in known) return [[name, complete(known[name], property, schemas)] as const];
    return required?.includes(name) === true ? [[name, unset(property, schemas)] as const] : [];
  });
  const others = Object.entries(known).filter(([name]) => !(name in properties));
  return Object.fromEntries([...entries, ...others]);
}

function resolved(schema: Schema, schemas: Schemas): Schema {
  const { $ref, oneOf } = schema as { readonly $ref?: string; readonly oneOf?: readonly Schema[] };
  if (oneOf?.[0] !== undefined) return resolved(oneOf[0], schemas);
  return $ref === undefined ? schema : (schemas[$ref.slice($ref.lastIndexOf("/") + 1)] ?? {});
}

function unset(schema: Schema, schemas: Schemas): unknown {
  const { type, enum: values, oneOf } = schema as { type?: unknown; enum?: readonly unknown[]; oneOf?: unknown };
  if (oneOf !== undefined || [type].flat().includes("null")) return null;
  if (type === "array") return [];
  if (type === "boolean") return false;
  if (type === "integer" || type === "number") return 0;
  if (type === "string") return values?.[0] ?? "";
  return complete({}, resolved(schema, schemas), schemas);
}

import { LRUCache } from "lru-cache";
import { compileSchema, type CheckPolicies } from "../../policy-schema/compile-schema.js";

/** Work with the JSON Schema of a project, always done in a thread of its own: patterns may backtrack without end. */
export type SchemaTask =
  | { readonly kind: "schema_compile"; readonly schema: string }
  | { readonly kind: "schema_check"; readonly schema: string; readonly hash: string; readonly policies: string };

/** Compiled schemas that a thread keeps, by hash: some 10 MiB of the largest. */
const MAX_COMPILED = 50;

const compiled = new LRUCache<string, CheckPolicies>({ max: MAX_COMPILED });

/** Runs a task in this thread. Throws as compileSchema and CheckPolicies. */
export function runSchemaTask(task: SchemaTask): null {
  if (task.kind === "schema_compile") {
    compileSchema(task.schema);
    return null;
  }
  const { schema, hash, policies } = task;
  const check = compiled.get(hash) ?? compileSchema(schema);
  compiled.set(hash, check);
  check(policies);
  return null;
}

import type { Kysely } from "kysely";
import type { PolicySchema } from "../../core/policy-schema.js";
import { preparedFirst } from "./prepared.js";
import { rowMapping } from "../row-mapping.js";
import type { Schema } from "../schema.js";
import type { Reader, Writer } from "../store.js";

const { read: schemaOf, write: rowOf } = rowMapping<PolicySchema, "policy_schemas">({});

/** Of every publish. */
const hashOf = preparedFirst((db, { projectId }: { projectId: string }) =>
  db.selectFrom("policy_schemas").select("hash").where("project_id", "=", projectId),
);

/** Look-ups of the schemas of policies. */
export function policySchemaReader(db: Kysely<Schema>) {
  return {
    async policySchema(projectId) {
      const found = db.selectFrom("policy_schemas").selectAll().where("project_id", "=", projectId);
      const row = await found.executeTakeFirst();
      return row === undefined ? null : schemaOf(row);
    },
    async policySchemaHash(projectId) {
      return (await hashOf(db, { projectId }))?.hash ?? null;
    },
  } satisfies Partial<Reader>;
}

/** Changes of the schemas of policies. */
export function policySchemaWriter(db: Kysely<Schema>) {
  return {
    async putPolicySchema(schema) {
      const { project_id: _, ...changed } = rowOf(schema);
      await db
        .insertInto("policy_schemas")
        .values(rowOf(schema))
        .onConflict((conflict) => conflict.column("project_id").doUpdateSet(changed))
        .execute();
    },
    async deletePolicySchema(projectId) {
      await db.deleteFrom("policy_schemas").where("project_id", "=", projectId).execute();
    },
  } satisfies Partial<Writer>;
}

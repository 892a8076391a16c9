import type { Kysely, Migration } from "kysely";
import type { MigrationDialect } from "../dialect.js";

/**
 * The Merkle tree over each organization's audit events, as far as its tiles of 256 leaves are complete. All of it follows from the
 * events: a chain of before is taken over by a job. Refers to nothing by foreign key, as the events do not.
 */
export function auditLog(dialect: MigrationDialect): Migration {
  return {
    async up(db: Kysely<unknown>) {
      await db.schema
        .createTable("audit_tiles")
        .addColumn("org_id", "text", (c) => c.notNull())
        .addColumn("number", "integer", (c) => c.notNull())
        .addColumn("hashes", "text", (c) => c.notNull())
        .addColumn("log_event", "integer", (c) => c.notNull())
        .addPrimaryKeyConstraint("audit_tiles_pk", ["org_id", "number"])
        .execute();
      await db.schema
        .createTable("audit_nodes")
        .addColumn("org_id", "text", (c) => c.notNull())
        .addColumn("level", "integer", (c) => c.notNull())
        .addColumn("number", "integer", (c) => c.notNull())
        .addColumn("hash", "text", (c) => c.notNull())
        .addPrimaryKeyConstraint("audit_nodes_pk", ["org_id", "level", "number"])
        .execute();
      await db.schema
        .createTable("audit_activations")
        .addColumn("org_id", "text", (c) => c.notNull())
        .addColumn("activation", "text", (c) => c.notNull())
        .addColumn("event_id", "integer", (c) => c.notNull())
        .addPrimaryKeyConstraint("audit_activations_pk", ["org_id", "activation"])
        .execute();
      for (const table of ["audit_tiles", "audit_nodes", "audit_activations"]) {
        await dialect.refuse(db, table, "update");
      }
    },
  };
}

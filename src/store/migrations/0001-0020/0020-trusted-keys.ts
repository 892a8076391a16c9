import type { Kysely, Migration } from "kysely";

/**
 * The ids of the keys that an instance trusts, as a JSON list, null before it told; and since when a public key is retired, null for one
 * that counts.
 */
export const trustedKeys: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema.alterTable("instances").addColumn("key_ids", "text").execute();
    await db.schema.alterTable("public_keys").addColumn("retired_at", "text").execute();
  },
};

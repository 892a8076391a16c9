import type { Kysely, SelectQueryBuilder } from "kysely";
import { prepared, preparedFirst } from "./prepared.js";
import type { NewRow, Schema } from "./schema.js";
import type { Reader, Writer } from "./store.js";

const byId = preparedFirst((db, { id }: { id: string }) => db.selectFrom("contents").selectAll().where("id", "=", id));

const put = prepared((db, row: NewRow<"contents">) =>
  db
    .insertInto("contents")
    .values(row)
    .onConflict((conflict) => conflict.column("id").doNothing()),
);

export function contentReader(db: Kysely<Schema>): Pick<Reader, "content"> {
  return {
    async content(id) {
      const row = await byId(db, { id });
      return row === undefined ? null : { id: row.id, policies: row.policies, scopePolicies: row.scope_policies };
    },
  };
}

export function contentWriter(db: Kysely<Schema>): Pick<Writer, "putContent"> {
  return {
    async putContent({ id, policies, scopePolicies }) {
      await put(db, { id, policies, scope_policies: scopePolicies });
    },
  };
}

/** Deletes a content unless a bundle has it. */
export async function deleteUnusedContent(db: Kysely<Schema>, id: string): Promise<void> {
  await db
    .deleteFrom("contents")
    .where("id", "=", id)
    .where((eb) =>
      eb.not(eb.exists(eb.selectFrom("bundles").select("bundles.id").where("bundles.content_id", "=", id))),
    )
    .execute();
}

/**
 * Deletes the content that only bundles of these environments have. For just before they are deleted, in the same transaction:
 * afterwards nothing would tell which contents to look at, short of all of them.
 */
export async function deleteContentsOf(
  db: Kysely<Schema>,
  environmentIds: SelectQueryBuilder<Schema, "environments", { id: string }>,
): Promise<void> {
  await db
    .deleteFrom("contents")
    .where("contents.id", "in", (eb) =>
      eb.selectFrom("bundles").select("bundles.content_id").where("bundles.environment_id", "in", environmentIds),
    )
    .where((eb) =>
      eb.not(
        eb.exists(
          eb
            .selectFrom("bundles as other")
            .select("other.id")
            .whereRef("other.content_id", "=", "contents.id")
            .where("other.environment_id", "not in", environmentIds),
        ),
      ),
    )
    .execute();
}

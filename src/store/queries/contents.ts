import type { Kysely } from "kysely";
import type { Content } from "../../core/bundle.js";
import { preparedChange, preparedFirst } from "./prepared.js";
import type { NewRow, Schema } from "../schema.js";
import type { Reader, Writer } from "../store.js";

const byId = preparedFirst((db, { id }: { id: string }) => db.selectFrom("contents").selectAll().where("id", "=", id));

const put = preparedChange((db, row: NewRow<"contents">) =>
  db
    .insertInto("contents")
    .values(row)
    .onConflict((conflict) => conflict.column("id").doNothing()),
);

const removeDamaged = preparedChange((db, { id, policies, scopePolicies }: Content) =>
  db
    .deleteFrom("contents")
    .where("id", "=", id)
    .where((eb) => eb.or([eb("policies", "!=", policies), eb("scope_policies", "!=", scopePolicies)])),
);

/** Look-ups of contents. */
export function contentReader(db: Kysely<Schema>) {
  return {
    async content(id) {
      const row = await byId(db, { id });
      return row === undefined ? null : { id: row.id, policies: row.policies, scopePolicies: row.scope_policies };
    },
    async scopePolicies(contentId) {
      const row = await db
        .selectFrom("contents")
        .select("scope_policies")
        .where("id", "=", contentId)
        .executeTakeFirst();
      return row?.scope_policies ?? null;
    },
  } satisfies Partial<Reader>;
}

/** Changes of contents. */
export function contentWriter(db: Kysely<Schema>) {
  return {
    async putContent({ id, policies, scopePolicies }) {
      // A damaged row cannot be changed, only replaced; what refers to it is looked at when the transaction commits.
      await removeDamaged(db, { id, policies, scopePolicies });
      await put(db, { id, policies, scope_policies: scopePolicies });
    },
  } satisfies Partial<Writer>;
}

/** Deletes a content unless a bundle or an artifact has it. */
export async function deleteUnusedContent(db: Kysely<Schema>, id: string): Promise<void> {
  await db
    .deleteFrom("contents")
    .where("id", "=", id)
    .where((eb) =>
      eb.not(eb.exists(eb.selectFrom("bundles").select("bundles.id").where("bundles.content_id", "=", id))),
    )
    .where((eb) =>
      eb.not(
        eb.exists(
          eb.selectFrom("source_artifacts").select("source_artifacts.id").where("source_artifacts.content_id", "=", id),
        ),
      ),
    )
    .execute();
}

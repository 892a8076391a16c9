import type { ExpressionBuilder, Kysely, SelectQueryBuilder } from "kysely";
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

export function contentReader(db: Kysely<Schema>): Pick<Reader, "content" | "scopePolicies"> {
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
  };
}

export function contentWriter(db: Kysely<Schema>): Pick<Writer, "putContent"> {
  return {
    async putContent({ id, policies, scopePolicies }) {
      // A damaged row cannot be changed, only replaced; what refers to it is looked at when the transaction commits.
      await removeDamaged(db, { id, policies, scopePolicies });
      await put(db, { id, policies, scope_policies: scopePolicies });
    },
  };
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
    .where((eb) => eb.not(eb.exists(artifactsWithTheContent(eb))))
    .execute();
}

/** As deleteContentsOf, for the artifacts of a project. */
export async function deleteContentsOfArtifacts(db: Kysely<Schema>, projectId: string): Promise<void> {
  await db
    .deleteFrom("contents")
    .where("contents.id", "in", (eb) =>
      eb.selectFrom("source_artifacts as own").select("own.content_id").where("own.project_id", "=", projectId),
    )
    .where((eb) => eb.not(eb.exists(artifactsWithTheContent(eb).where("artifact.project_id", "!=", projectId))))
    .where((eb) =>
      eb.not(
        eb.exists(eb.selectFrom("bundles").select("bundles.id").whereRef("bundles.content_id", "=", "contents.id")),
      ),
    )
    .execute();
}

function artifactsWithTheContent(eb: ExpressionBuilder<Schema, "contents">) {
  return eb
    .selectFrom("source_artifacts as artifact")
    .select("artifact.id")
    .whereRef("artifact.content_id", "=", "contents.id");
}

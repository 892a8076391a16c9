import type { Kysely } from "kysely";
import type { Artifact } from "../../core/artifact.js";
import type { BundleState } from "../../core/bundle.js";
import type { ArtifactReader, ArtifactWriter } from "../artifact-store.js";
import { deleteUnusedContent } from "./contents.js";
import { countRows } from "./paging.js";
import { rowMapping } from "../row-mapping.js";
import type { NewRow, Row, Schema } from "../schema.js";

const artifacts = rowMapping<Omit<Artifact, "promotion">, "source_artifacts">({
  promoted_at: "hidden",
  promoted_bundle: "hidden",
});

/** Look-ups of source artifacts. */
export function artifactReader(db: Kysely<Schema>): ArtifactReader {
  return {
    async artifact(orgId, id) {
      const row = await artifactsOf(db).selectAll().where("id", "=", id).where("org_id", "=", orgId).executeTakeFirst();
      return row === undefined ? null : artifactOf(row);
    },
    async artifacts({ orgId, projectId, status, limit, offset }) {
      let seen = artifactsOf(db).where("org_id", "=", orgId);
      if (projectId !== undefined) seen = seen.where("project_id", "=", projectId);
      if (status !== undefined) seen = seen.where("promoted_at", status === "draft" ? "is" : "is not", null);
      const newest = seen.selectAll().orderBy("created_at", "desc").orderBy("id", "desc");
      const rows = await newest.limit(limit).offset(offset).execute();
      return { rows: rows.map(artifactOf), total: await countRows(seen) };
    },
    countDrafts: (projectId) =>
      countRows(db.selectFrom("source_artifacts").where("project_id", "=", projectId).where("promoted_at", "is", null)),
  };
}

/** Changes of source artifacts. */
export function artifactWriter(db: Kysely<Schema>) {
  return {
    async insertArtifact(artifact) {
      await db.insertInto("source_artifacts").values(rowOf(artifact)).execute();
    },
    async updateArtifact(artifact) {
      const { id, promoted_at, promoted_bundle } = rowOf(artifact);
      await db.updateTable("source_artifacts").set({ promoted_at, promoted_bundle }).where("id", "=", id).execute();
    },
    async deleteArtifact({ id, contentId }) {
      await db.deleteFrom("source_artifacts").where("id", "=", id).execute();
      await deleteUnusedContent(db, contentId);
    },
  } satisfies Partial<ArtifactWriter>;
}

/** Without those of a project that was deleted. */
function artifactsOf(db: Kysely<Schema>) {
  const projects = db.selectFrom("projects").select("id").where("deleted_at", ">", "");
  return db.selectFrom("source_artifacts").where("project_id", "not in", projects);
}

function artifactOf({ promoted_at, promoted_bundle, ...row }: Row<"source_artifacts">): Artifact {
  const promotion =
    promoted_at === null || promoted_bundle === null
      ? null
      : { at: promoted_at, state: JSON.parse(promoted_bundle) as BundleState };
  return { ...artifacts.read(row), promotion };
}

function rowOf({ promotion, ...artifact }: Artifact): NewRow<"source_artifacts"> {
  return {
    ...artifacts.write(artifact),
    promoted_at: promotion?.at ?? null,
    promoted_bundle: promotion === null ? null : JSON.stringify(promotion.state),
  };
}

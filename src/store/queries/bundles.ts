import type { Kysely } from "kysely";
import type { Bundle, BundleState } from "../../core/bundle.js";
import { deleteUnusedContent } from "./contents.js";
import { boundedPage } from "./paging.js";
import { preparedChange, preparedFirst, preparedInsert } from "./prepared.js";
import { rowMapping } from "../row-mapping.js";
import type { Row, Schema } from "../schema.js";
import type { Reader, Writer } from "../store.js";

const { read: bundleOf, write: rowOf } = rowMapping<Bundle, "bundles">({ labels: "json", source: "json" });

const byId = preparedFirst((db, { id }: { id: string }) => db.selectFrom("bundles").selectAll().where("id", "=", id));

const insert = preparedInsert("bundles");

const kept = preparedFirst((db, { environmentId }: { environmentId: string }) =>
  db.selectFrom("environments").select("kept_versions").where("id", "=", environmentId),
);

const addKept = preparedChange((db, { environmentId, change }: { environmentId: string; change: number }) =>
  db
    .updateTable("environments")
    .set((eb) => ({ kept_versions: eb("kept_versions", "+", change) }))
    .where("id", "=", environmentId),
);

/** Look-ups of bundles. */
export function bundleReader(db: Kysely<Schema>) {
  const countBundles = async (environmentId: string) => (await kept(db, { environmentId }))?.kept_versions ?? 0;
  return {
    countBundles,
    async bundle(environmentId, version) {
      const row = await statesOf(db, environmentId).where("bundles.version", "=", version).executeTakeFirst();
      return row === undefined ? null : stateOf(row);
    },
    async bundleById(id) {
      const row = await byId(db, { id });
      return row === undefined ? null : bundleOf(row);
    },
    async bundles(environmentId, limit, beforeVersion) {
      const rows = await boundedPage<BundleState>(limit, async (count, before) => {
        const below = before.at(-1)?.bundle.version ?? beforeVersion;
        let query = statesOf(db, environmentId);
        if (below !== undefined) query = query.where("bundles.version", "<", below);
        return (await query.orderBy("bundles.version", "desc").limit(count).execute()).map(stateOf);
      });
      return { rows, total: await countBundles(environmentId) };
    },
  } satisfies Partial<Reader>;
}

/**
 * A bundle cannot be changed: the database refuses it. The active bundle cannot be deleted alone: `deleteBundle` goes through,
 * and the transaction's commit is refused with `internal`.
 */
export function bundleWriter(db: Kysely<Schema>) {
  return {
    async insertBundle(bundle) {
      await insert(db, rowOf(bundle));
      await addKept(db, { environmentId: bundle.environmentId, change: 1 });
    },
    async deleteBundle({ id, contentId, environmentId }) {
      const { numDeletedRows } = await db.deleteFrom("bundles").where("id", "=", id).executeTakeFirstOrThrow();
      await addKept(db, { environmentId, change: -Number(numDeletedRows) });
      await deleteUnusedContent(db, contentId);
    },
  } satisfies Partial<Writer>;
}

/** Bundles of one environment, each with its newest activation and the environment's pointer. */
export function statesOf(db: Kysely<Schema>, environmentId: string) {
  return db
    .selectFrom("bundles")
    .innerJoin("environments", "environments.id", "bundles.environment_id")
    .leftJoin("deployments as newest", (join) =>
      join.onRef("newest.bundle_id", "=", "bundles.id").on("newest.sequence", "=", (eb) =>
        eb
          .selectFrom("deployments")
          .whereRef("deployments.bundle_id", "=", "bundles.id")
          .select((max) => max.fn.max("deployments.sequence").as("sequence")),
      ),
    )
    .where("bundles.environment_id", "=", environmentId)
    .selectAll("bundles")
    .select(["environments.active_bundle_id", "newest.id as deployment_id", "newest.sequence"]);
}

/** A row of {@link statesOf}. */
export interface StateRow extends Row<"bundles"> {
  active_bundle_id: string | null;
  deployment_id: string | null;
  sequence: number | null;
}

/** The state in a row of {@link statesOf}. */
export function stateOf({ active_bundle_id, deployment_id, sequence, ...row }: StateRow): BundleState {
  return { bundle: bundleOf(row), isActive: active_bundle_id === row.id, deploymentId: deployment_id, sequence };
}

import type { Kysely } from "kysely";
import type { Schema } from "../schema.js";
import type { Reader } from "../store.js";

/** Look-ups of bundles that may be pruned. */
export function pruneReader(db: Kysely<Schema>) {
  return {
    async versionFromNewest(environmentId, offset) {
      const row = await db
        .selectFrom("bundles")
        .select("version")
        .where("environment_id", "=", environmentId)
        .orderBy("version", "desc")
        .limit(1)
        .offset(offset)
        .executeTakeFirst();
      return row?.version ?? null;
    },
    async firstActivationBetween(environmentId, after, until) {
      const row = await db
        .selectFrom("deployments")
        .where("environment_id", "=", environmentId)
        .where("at", ">", after)
        .where("at", "<=", until)
        .select((eb) => eb.fn.min<number | null>("sequence").as("first"))
        .executeTakeFirst();
      return row?.first ?? null;
    },
    async prunableBundles({ environmentId, after, below, publishedBefore, now, fromSequence }, limit) {
      const own = db
        .selectFrom("bundles")
        .where("bundles.environment_id", "=", environmentId)
        .where("bundles.version", ">", after)
        .where("bundles.version", "<", below)
        // The active one stays, however old or new.
        .where((eb) =>
          eb.not(
            eb.exists(
              eb
                .selectFrom("environments")
                .select("environments.id")
                .whereRef("environments.active_bundle_id", "=", "bundles.id"),
            ),
          ),
        );
      // The page's end first, so that one statement never looks at more than a page, however few of them may go.
      const end = await own
        .select("bundles.version")
        .orderBy("bundles.version")
        .limit(1)
        .offset(limit - 1)
        .executeTakeFirst();
      const pageEnd = end?.version ?? below - 1;
      const news = await own
        .where("bundles.version", "<=", pageEnd)
        .where("bundles.published_at", ">=", publishedBefore)
        .where("bundles.published_at", "<=", now)
        .select((eb) => eb.fn.min<number | null>("bundles.version").as("first"))
        .executeTakeFirst();
      const firstNew = news?.first ?? null;
      const last = firstNew === null ? pageEnd : firstNew - 1;
      const rows = await own
        .where("bundles.version", "<=", last)
        .where("bundles.published_at", "<", publishedBefore)
        .where((eb) =>
          eb.not(
            eb.exists(
              eb
                .selectFrom("deployments")
                .select("deployments.id")
                .whereRef("deployments.bundle_id", "=", "bundles.id")
                .where("deployments.sequence", ">=", fromSequence),
            ),
          ),
        )
        .select(["bundles.id", "bundles.version", "bundles.content_id"])
        .orderBy("bundles.version")
        .execute();
      const bundles = rows.map(({ id, version, content_id }) => ({
        id,
        version,
        contentId: content_id,
        environmentId,
      }));
      // What comes after a new one is new, whatever its time says.
      return { bundles, next: end === undefined || firstNew !== null ? null : last };
    },
  } satisfies Partial<Reader>;
}

import type { Kysely } from "kysely";
import type { RuntimeInstance } from "../../../core/runtime-instance.js";
import { idsAmong } from "../environments.js";
import { boundedPage, countRows } from "../paging.js";
import { rowMapping } from "../../row-mapping.js";
import type { NewRow, Schema } from "../../schema.js";
import type { Reader, Writer } from "../../store.js";

/** Instances as rows of the table, and back. */
export const { read: instanceOf, write: rowOf } = rowMapping<RuntimeInstance, "instances">({
  labels: "json",
  key_ids: "json",
});

/** Rows in one statement: a fleet reports in batches, and a row has sixteen parameters. */
const PUT_CHUNK = 50;

/** Look-ups of runtime instances. */
export function instanceReader(db: Kysely<Schema>) {
  return {
    async instancesNamed(environmentId, tokenId, instanceIds) {
      if (instanceIds.length === 0) return [];
      const rows = await db
        .selectFrom("instances")
        .selectAll()
        .where("environment_id", "=", environmentId)
        .where("token_id", "=", tokenId)
        .where("instance_id", "in", instanceIds)
        .execute();
      return rows.map(instanceOf);
    },
    async instances(environmentId, { limit, offset }, source) {
      const whole = db.selectFrom("instances").where("environment_id", "=", environmentId);
      const all = source === undefined ? whole : whole.where("source", "=", source);
      const rows = await boundedPage<RuntimeInstance>(limit, async (count, before) => {
        const newest = all.selectAll().orderBy("last_seen", "desc").orderBy("instance_id", "desc");
        const portion = newest.limit(count).offset(offset + before.length);
        return (await portion.execute()).map(instanceOf);
      });
      return { rows, total: await countRows(all) };
    },
    async countLiveInstances(among, now) {
      const ids = idsAmong(db, among);
      return await countRows(
        db.selectFrom("instances").where("environment_id", "in", ids).where("live_until", ">", now),
      );
    },
    async trustedKeyCounts(environmentIds, now) {
      if (environmentIds.length === 0) return [];
      const rows = await db
        .selectFrom("instances")
        .select(["environment_id", "key_ids", db.fn.countAll<number>().as("count")])
        .where("environment_id", "in", environmentIds)
        .where("live_until", ">", now)
        .groupBy(["environment_id", "key_ids"])
        .execute();
      return rows.map(({ environment_id: environmentId, key_ids: keyIds, count }) => ({
        environmentId,
        keyIds: keyIds === null ? null : (JSON.parse(keyIds) as string[]),
        count: Number(count),
      }));
    },
  } satisfies Partial<Reader>;
}

/** Reports of a token or an environment that was deleted meanwhile are dropped without a word. */
export function instanceWriter(db: Kysely<Schema>) {
  return {
    async putInstances(instances, keepPerToken) {
      // Of two reports of one instance the later one counts; one statement could not write the same row twice everywhere.
      const latest = new Map(
        instances.map((it) => [JSON.stringify([it.environmentId, it.tokenId, it.instanceId]), it]),
      );
      const rows = [...latest.values()].map(rowOf);
      for (let start = 0; start < rows.length; start += PUT_CHUNK) {
        await putRows(db, await withoutOrphans(db, rows.slice(start, start + PUT_CHUNK)));
      }
      for (const tokenId of new Set(rows.map((row) => row.token_id))) await trim(db, tokenId, keepPerToken);
    },
  } satisfies Partial<Writer>;
}

async function withoutOrphans(db: Kysely<Schema>, rows: NewRow<"instances">[]): Promise<NewRow<"instances">[]> {
  const tokenIds = [...new Set(rows.map((row) => row.token_id))];
  const environmentIds = [...new Set(rows.map((row) => row.environment_id))];
  const tokens = await db.selectFrom("tokens").select("id").where("id", "in", tokenIds).execute();
  const environments = await db
    .selectFrom("environments")
    .select("id")
    .where("id", "in", environmentIds)
    .where("deleted_at", "is", null)
    .execute();
  const there = new Set<string | number>([...tokens, ...environments].map((row) => row.id));
  return rows.filter((row) => there.has(row.token_id) && there.has(row.environment_id));
}

async function putRows(db: Kysely<Schema>, rows: NewRow<"instances">[]): Promise<void> {
  if (rows.length === 0) return;
  await db
    .insertInto("instances")
    .values(rows)
    .onConflict((conflict) =>
      conflict.columns(["environment_id", "token_id", "instance_id"]).doUpdateSet((eb) => ({
        key_prefix: eb.ref("excluded.key_prefix"),
        applied_sequence: eb.ref("excluded.applied_sequence"),
        applied_version: eb.ref("excluded.applied_version"),
        reported_sequence: eb.ref("excluded.reported_sequence"),
        state: eb.ref("excluded.state"),
        reason: eb.ref("excluded.reason"),
        agent: eb.ref("excluded.agent"),
        user_agent: eb.ref("excluded.user_agent"),
        labels: eb.ref("excluded.labels"),
        source: eb.ref("excluded.source"),
        key_ids: eb.ref("excluded.key_ids"),
        last_seen: eb.ref("excluded.last_seen"),
        connection: eb.ref("excluded.connection"),
        live_until: eb.ref("excluded.live_until"),
      })),
    )
    .execute();
}

/** Deletes the instances of a token beyond the `keep` last seen. */
async function trim(db: Kysely<Schema>, tokenId: number, keep: number): Promise<void> {
  const first = await db
    .selectFrom("instances")
    .select(["last_seen", "instance_id"])
    .where("token_id", "=", tokenId)
    .orderBy("last_seen", "desc")
    .orderBy("instance_id", "desc")
    .limit(1)
    .offset(keep)
    .executeTakeFirst();
  if (first === undefined) return;
  await db
    .deleteFrom("instances")
    .where("token_id", "=", tokenId)
    .where((eb) =>
      eb.or([
        eb("last_seen", "<", first.last_seen),
        eb.and([eb("last_seen", "=", first.last_seen), eb("instance_id", "<=", first.instance_id)]),
      ]),
    )
    .execute();
}

import { sql, type Kysely } from "kysely";
import type { Instant } from "../../core/clock.js";
import type { Token } from "../../core/token.js";
import { countRows } from "./paging.js";
import { preparedFirst } from "./prepared.js";
import { rowMapping } from "../row-mapping.js";
import type { Schema } from "../schema.js";
import type { Reader, TokenFilter, Writer } from "../store.js";
import type { WebhookReader, WebhookWriter } from "../webhook-store.js";

const { read: tokenOf, write: rowOf } = rowMapping<Token, "tokens">({ environments: "json", reads_audit: "flag" });

/** Ids in one statement: below what any database takes as parameters. */
const TOUCH_CHUNK = 500;

const byHash = preparedFirst((db, { hash }: { hash: string }) => tokensOf(db).selectAll().where("hash", "=", hash));

/** Look-ups of tokens. */
export function tokenReader(db: Kysely<Schema>) {
  const all = tokensOf(db).selectAll();
  return {
    async token(orgId, id) {
      const row = await all.where("id", "=", id).where("org_id", "=", orgId).executeTakeFirst();
      return row === undefined ? null : tokenOf(row);
    },
    async tokensById(ids) {
      if (ids.length === 0) return [];
      return (await all.where("id", "in", ids).execute()).map(tokenOf);
    },
    async tokenNames(ids) {
      if (ids.length === 0) return new Map();
      const rows = await db.selectFrom("tokens").select(["id", "name"]).where("id", "in", ids).execute();
      return new Map(rows.flatMap(({ id, name }) => (name === null ? [] : [[id, name] as const])));
    },
    async tokenByHash(hash) {
      // Every request passes here, nearly always by the current hash: the second look-up is the exception.
      const row =
        (await byHash(db, { hash })) ?? (await all.where("previous_hash", "=", hash).limit(1).executeTakeFirst());
      return row === undefined ? null : tokenOf(row);
    },
    async tokens(filter) {
      const matching = tokensMatching(db, filter);
      const rows = await matching.selectAll().orderBy("id", "desc").limit(filter.limit).offset(filter.offset).execute();
      return { rows: rows.map(tokenOf), total: await countRows(matching) };
    },
    async expiringTokens(now, limit) {
      const rows = await db
        .selectFrom("tokens")
        .where("revoked_at", "is", null)
        .where("expires_at", ">", now)
        .select(["key_type", "expires_at"])
        .orderBy("expires_at")
        .$if(limit !== undefined, (query) => query.limit(limit ?? 0))
        .execute();
      return rows.map((row) => ({ keyType: row.key_type, expiresAt: row.expires_at ?? "" }));
    },
    async liveRuntimeTokens(environmentId, now) {
      const rows = await all
        .where("environment_id", "=", environmentId)
        .where("key_type", "=", "runtime")
        .where("revoked_at", "is", null)
        .where((eb) => eb.or([eb("expires_at", "is", null), eb("expires_at", ">", now)]))
        .orderBy("id")
        .execute();
      return rows.map(tokenOf);
    },
  } satisfies Partial<Reader>;
}

/** Changes of tokens. */
export function tokenWriter(db: Kysely<Schema>) {
  return {
    async insertToken(token) {
      // The database gives the id.
      const { id: _none, ...row } = rowOf({ ...token, id: 0 });
      await freeHash(db, token.hash);
      const { id } = await db.insertInto("tokens").values(row).returning("id").executeTakeFirstOrThrow();
      await keepPrefix(db, { ...token, id });
      return { ...token, id };
    },
    async updateToken(token) {
      const { id: _id, org_id: _org, created_at: _created, ...changes } = rowOf(token);
      await freeHash(db, token.hash);
      await db.updateTable("tokens").set(changes).where("id", "=", token.id).execute();
      await keepPrefix(db, token);
    },
    /** Never moves a token's last use back. */
    async touchTokens(ids, at: Instant) {
      for (let start = 0; start < ids.length; start += TOUCH_CHUNK) {
        await db
          .updateTable("tokens")
          .set({ last_used_at: at })
          .where("id", "in", ids.slice(start, start + TOUCH_CHUNK))
          .where((eb) => eb.or([eb("last_used_at", "is", null), eb("last_used_at", "<", at)]))
          .execute();
      }
    },
  } satisfies Partial<Writer>;
}

/** Remembers whose prefix it is, for the audit. */
async function keepPrefix(db: Kysely<Schema>, { orgId, keyPrefix, id, name }: Token): Promise<void> {
  await db
    .insertInto("token_prefixes")
    .values({ org_id: orgId, prefix: keyPrefix, token_id: id, name })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
}

/** Takes a hash from a token whose project, environment or organization was deleted: its row may still exist, and a hash is unique. */
async function freeHash(db: Kysely<Schema>, hash: string): Promise<void> {
  const { projects, environments, organizations } = deletedOwners(db);
  await db
    .updateTable("tokens")
    .set((eb) => ({ hash: sql<string>`${"deleted:"} || ${eb.ref("id")}` }))
    .where("hash", "=", hash)
    .where((eb) =>
      eb.or([
        eb("project_id", "in", projects),
        eb("environment_id", "in", environments),
        eb("org_id", "in", organizations),
      ]),
    )
    .execute();
}

/** Without those of a project, environment or organization that was deleted. */
function tokensOf(db: Kysely<Schema>) {
  const { projects, environments, organizations } = deletedOwners(db);
  return (
    db
      .selectFrom("tokens")
      // NULL is in no list, and not outside of one either.
      .where((eb) => eb.or([eb("project_id", "is", null), eb("project_id", "not in", projects)]))
      .where((eb) => eb.or([eb("environment_id", "is", null), eb("environment_id", "not in", environments)]))
      .where("org_id", "not in", organizations)
  );
}

function deletedOwners(db: Kysely<Schema>) {
  return {
    projects: db.selectFrom("projects").select("id").where("deleted_at", ">", ""),
    environments: db.selectFrom("environments").select("id").where("deleted_at", ">", ""),
    organizations: db.selectFrom("organizations").select("id").where("deleted_at", ">", ""),
  };
}

function tokensMatching(db: Kysely<Schema>, { orgId, projectId, keyType }: TokenFilter) {
  let query = tokensOf(db).where("org_id", "=", orgId);
  if (projectId !== undefined) query = query.where("project_id", "=", projectId);
  if (keyType !== undefined) query = query.where("key_type", "=", keyType);
  return query;
}

/** Look-ups of notices of expiring tokens. */
export function expiryReader(db: Kysely<Schema>) {
  return {
    async tokensExpiring(from, until, daysBefore, limit) {
      const rows = await tokensOf(db)
        .select(["id", "org_id", "expires_at"])
        .where("expires_at", ">", from)
        .where("expires_at", "<=", until)
        .where("revoked_at", "is", null)
        .where((eb) =>
          eb.not(
            eb.exists(
              eb
                .selectFrom("expiry_notices")
                .select("expiry_notices.token_id")
                .whereRef("expiry_notices.token_id", "=", "tokens.id")
                .whereRef("expiry_notices.expires_at", "=", "tokens.expires_at")
                .where("expiry_notices.days_before", "=", daysBefore),
            ),
          ),
        )
        .orderBy("expires_at")
        .$if(limit !== undefined, (query) => query.limit(limit ?? 0))
        .execute();
      return rows.map((row) => ({ orgId: row.org_id, id: row.id, expiresAt: row.expires_at ?? "" }));
    },
  } satisfies Partial<WebhookReader>;
}

/** Changes of notices of expiring tokens. */
export function expiryWriter(db: Kysely<Schema>) {
  return {
    async putExpiryNotice(tokenId, expiresAt, daysBefore) {
      await db
        .insertInto("expiry_notices")
        .values({ token_id: tokenId, expires_at: expiresAt, days_before: daysBefore })
        .onConflict((conflict) => conflict.doNothing())
        .execute();
    },
  } satisfies Partial<WebhookWriter>;
}

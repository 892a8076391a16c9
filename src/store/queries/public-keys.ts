import type { Kysely } from "kysely";
import type { PublicKeyRecord } from "../../core/key.js";
import { preparedFirst } from "./prepared.js";
import { rowMapping } from "../row-mapping.js";
import type { Schema } from "../schema.js";
import type { ActiveBundleKey, Reader, Writer } from "../store.js";

const { read: keyOf } = rowMapping<PublicKeyRecord, "public_keys">({});

const byId = preparedFirst((db, { keyId }: { keyId: string }) =>
  db.selectFrom("public_keys").selectAll().where("key_id", "=", keyId),
);

/** Look-ups of public keys. */
export function publicKeyReader(db: Kysely<Schema>) {
  const newestFirst = db.selectFrom("public_keys").selectAll().orderBy("created_at", "desc").orderBy("key_id", "desc");
  const active = db
    .selectFrom("environments")
    .innerJoin("bundles", "bundles.id", "environments.active_bundle_id")
    .select(["environments.id", "environments.org_id", "environments.name", "bundles.key_id"])
    .where("environments.deleted_at", "is", null);
  return {
    async publicKeys(purpose) {
      const own = newestFirst.where("org_id", "is", null);
      const rows = await (purpose === undefined ? own : own.where("purpose", "=", purpose)).execute();
      return rows.map(keyOf);
    },
    async publicKeysOf(orgId) {
      return (await newestFirst.where("org_id", "=", orgId).execute()).map(keyOf);
    },
    async publicKey(keyId) {
      const row = await byId(db, { keyId });
      return row === undefined ? null : keyOf(row);
    },
    async activeBundleKeys(after, limit) {
      const rows = await active.where("environments.id", ">", after).orderBy("environments.id").limit(limit).execute();
      return rows.map(activeOf);
    },
    async activeBundleOfKey(keyId) {
      const row = await active
        .innerJoin("public_keys", "public_keys.key_id", "bundles.key_id")
        .where((e) => e.or([e("public_keys.key_id", "=", keyId), e("public_keys.endorsed_by", "=", keyId)]))
        .limit(1)
        .executeTakeFirst();
      return row === undefined ? null : activeOf(row);
    },
  } satisfies Partial<Reader>;
}

function activeOf(row: { id: string; org_id: string; name: string; key_id: string }): ActiveBundleKey {
  return { environmentId: row.id, orgId: row.org_id, environment: row.name, keyId: row.key_id };
}

/** Changes of public keys. */
export function publicKeyWriter(db: Kysely<Schema>) {
  return {
    async putPublicKey({ keyId, createdAt, retiredAt, ...key }) {
      const changed = {
        purpose: key.purpose,
        public_key_pem: key.publicKeyPem,
        org_id: key.orgId,
        environment_id: key.environmentId,
        endorsed_by: key.endorsedBy,
        endorsement: key.endorsement,
      };
      await db
        .insertInto("public_keys")
        .values({ key_id: keyId, created_at: createdAt, retired_at: retiredAt, ...changed })
        .onConflict((conflict) => conflict.column("key_id").doUpdateSet(changed))
        .execute();
    },
    async retirePublicKey(keyId, at) {
      await db.updateTable("public_keys").set({ retired_at: at }).where("key_id", "=", keyId).execute();
    },
  } satisfies Partial<Writer>;
}

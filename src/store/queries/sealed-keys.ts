import type { Kysely } from "kysely";
import type { KeySlot, SealedKey } from "../../core/key.js";
import { rowMapping } from "../row-mapping.js";
import type { Schema } from "../schema.js";
import type { Reader, Writer } from "../store.js";
import { prepared } from "./prepared.js";

const { read: keyOf, write: rowOf } = rowMapping<SealedKey, "sealed_keys">({});

const ids = prepared((db) => db.selectFrom("sealed_keys").select(["slot", "key_id"]));

/** Look-ups of encrypted keys. */
export function sealedKeyReader(db: Kysely<Schema>) {
  return {
    async sealedKeys() {
      return (await db.selectFrom("sealed_keys").selectAll().orderBy("slot").execute()).map(keyOf);
    },
    async sealedKeyIds() {
      const { rows } = await ids(db, {});
      return Object.fromEntries(rows.map(({ slot, key_id }) => [slot, key_id])) as Partial<Record<KeySlot, string>>;
    },
  } satisfies Partial<Reader>;
}

/** Changes of encrypted keys. */
export function sealedKeyWriter(db: Kysely<Schema>) {
  return {
    async putSealedKey(key) {
      const { slot: _slot, ...changed } = rowOf(key);
      await db
        .insertInto("sealed_keys")
        .values(rowOf(key))
        .onConflict((conflict) => conflict.column("slot").doUpdateSet(changed))
        .execute();
    },
    async deleteSealedKey(slot) {
      await db.deleteFrom("sealed_keys").where("slot", "=", slot).execute();
    },
  } satisfies Partial<Writer>;
}

import type { Kysely } from "kysely";
import type { PublicKeyRecord } from "../core/key.js";
import type { Row, Schema } from "./schema.js";
import type { Reader, Writer } from "./store.js";

export function publicKeyReader(db: Kysely<Schema>): Pick<Reader, "publicKeys"> {
  return {
    async publicKeys(purpose) {
      let query = db.selectFrom("public_keys").selectAll();
      if (purpose !== undefined) query = query.where("purpose", "=", purpose);
      const rows = await query.orderBy("created_at", "desc").orderBy("key_id", "desc").execute();
      return rows.map(keyOf);
    },
  };
}

export function publicKeyWriter(db: Kysely<Schema>): Pick<Writer, "putPublicKey"> {
  return {
    async putPublicKey({ keyId, purpose, publicKeyPem, createdAt }) {
      await db
        .insertInto("public_keys")
        .values({ key_id: keyId, purpose, public_key_pem: publicKeyPem, created_at: createdAt })
        .onConflict((conflict) => conflict.column("key_id").doNothing())
        .execute();
    },
  };
}

function keyOf(row: Row<"public_keys">): PublicKeyRecord {
  return {
    keyId: row.key_id,
    purpose: row.purpose,
    publicKeyPem: row.public_key_pem,
    createdAt: row.created_at,
  };
}

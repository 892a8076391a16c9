import type { Kysely } from "kysely";
import type { ServerNode } from "../../core/cluster/server-node.js";
import type { NodeReader, NodeWriter } from "../node-store.js";
import { rowMapping } from "../row-mapping.js";
import type { Schema } from "../schema.js";

const { read: nodeOf, write: rowOf } = rowMapping<ServerNode, "nodes">({});

/** Look-ups of server processes. */
export function nodeReader(db: Kysely<Schema>): NodeReader {
  return {
    async nodes(limit) {
      const newest = db.selectFrom("nodes").selectAll().orderBy("seen_at", "desc").orderBy("id");
      return (await newest.limit(limit).execute()).map(nodeOf);
    },
  };
}

/** Changes of server processes. */
export function nodeWriter(db: Kysely<Schema>): NodeWriter {
  return {
    async putNode(node, forgetBefore) {
      const { id: _id, ...told } = rowOf(node);
      await db
        .insertInto("nodes")
        .values(rowOf(node))
        .onConflict((conflict) => conflict.column("id").doUpdateSet(told))
        .execute();
      await db.deleteFrom("nodes").where("seen_at", "<", forgetBefore).execute();
    },
  };
}

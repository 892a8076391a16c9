import type { Kysely } from "kysely";
import type { Deployment } from "../../core/bundle.js";
import type { BundleImport, TrustedOrigin } from "../../core/transfer.js";
import { rowMapping } from "../row-mapping.js";
import type { Schema } from "../schema.js";
import type { TransferReader, TransferWriter } from "../transfer-store.js";
import { countRows } from "./paging.js";

const origins = rowMapping<TrustedOrigin, "trusted_origins">({ keys: "json" });
const imports = rowMapping<BundleImport, "bundle_imports">({ document: "json" });
const deployments = rowMapping<Deployment, "deployments">({ performed_by: "json" });

/** Look-ups of trusted origins and imports. */
export function transferReader(db: Kysely<Schema>): TransferReader {
  return {
    async trustedOrigins(orgId) {
      const rows = await db
        .selectFrom("trusted_origins")
        .selectAll()
        .where("org_id", "=", orgId)
        .orderBy("name")
        .execute();
      return rows.map(origins.read);
    },
    async bundleImport(bundleId) {
      const row = await db
        .selectFrom("bundle_imports")
        .selectAll()
        .where("bundle_id", "=", bundleId)
        .executeTakeFirst();
      return row === undefined ? null : imports.read(row);
    },
    async importedBundleId(environmentId, documentSha256) {
      const row = await db
        .selectFrom("bundle_imports")
        .select("bundle_id")
        .where("environment_id", "=", environmentId)
        .where("document_sha256", "=", documentSha256)
        .executeTakeFirst();
      return row?.bundle_id ?? null;
    },
    async deploymentsOfBundle(bundleId, limit) {
      const of = db.selectFrom("deployments").where("bundle_id", "=", bundleId);
      const rows = await of.selectAll().orderBy("sequence", "desc").limit(limit).execute();
      return { rows: rows.map(deployments.read), total: await countRows(of) };
    },
  };
}

/** Changes of trusted origins and imports. */
export function transferWriter(db: Kysely<Schema>) {
  return {
    async insertTrustedOrigin(origin) {
      await db.insertInto("trusted_origins").values(origins.write(origin)).execute();
    },
    async deleteTrustedOrigin(id) {
      await db.deleteFrom("trusted_origins").where("id", "=", id).execute();
    },
    async insertBundleImport(imported) {
      await db.insertInto("bundle_imports").values(imports.write(imported)).execute();
    },
  } satisfies Partial<TransferWriter>;
}

import type { Kysely } from "kysely";
import type { ActivationAttestation } from "../../../core/trust/activation-attestation.js";
import { rowMapping } from "../../row-mapping.js";
import type { NewRow, Schema } from "../../schema.js";
import type { TrustReader, TrustWriter } from "../../trust-store.js";
import { preparedChange, preparedFirst } from "../prepared.js";

const attestations = rowMapping<ActivationAttestation, "activation_attestations">({});

const byDeployment = preparedFirst((db, { deploymentId }: { deploymentId: string }) =>
  db.selectFrom("activation_attestations").selectAll().where("deployment_id", "=", deploymentId),
);

const insert = preparedChange((db, row: NewRow<"activation_attestations">) =>
  db
    .insertInto("activation_attestations")
    .values(row)
    .onConflict((conflict) => conflict.column("deployment_id").doNothing()),
);

/** Look-ups of the attestations of activations. */
export function attestationReader(db: Kysely<Schema>) {
  return {
    async activationAttestation(deploymentId) {
      const row = await byDeployment(db, { deploymentId });
      return row === undefined ? null : attestations.read(row);
    },
    async attestationBefore(environmentId, sequence) {
      const before = db
        .selectFrom("deployments")
        .select("id")
        .where("environment_id", "=", environmentId)
        .where("sequence", "<", sequence)
        .orderBy("sequence", "desc")
        .limit(1);
      const query = db.selectFrom("activation_attestations").selectAll().where("deployment_id", "=", before);
      const row = await query.executeTakeFirst();
      return row === undefined ? null : attestations.read(row);
    },
  } satisfies Partial<TrustReader>;
}

/** Changes of the attestations of activations. */
export function attestationWriter(db: Kysely<Schema>) {
  return {
    async insertActivationAttestation(attestation) {
      await insert(db, attestations.write(attestation));
    },
    async updateActivationAttestation({ deploymentId, envelope, keyId }) {
      await db
        .updateTable("activation_attestations")
        .set({ envelope, key_id: keyId })
        .where("deployment_id", "=", deploymentId)
        .execute();
    },
  } satisfies Partial<TrustWriter>;
}

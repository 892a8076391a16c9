import { randomUUID } from "node:crypto";
import type { Config } from "../config/config.js";
import { databaseConfig } from "../config/database-settings.js";
import { instantOf, systemClock } from "../core/clock.js";
import { AppError } from "../core/error.js";
import { createAudit } from "../service/audit/audit.js";
import { createNodeSigner } from "../service/keys/ed25519-node.js";
import { KeyRing } from "../service/keys/key-ring.js";
import { KeySealer } from "../service/keys/key-sealer.js";
import { keyIdOf, resealKeys, type KeySet } from "../service/keys/sealed-key-set.js";
import { verifyingKeys } from "../service/keys/verifying-keys.js";
import type { Store, Writer } from "../store/store.js";

/**
 * Encrypts the signing keys in PostgreSQL with SIGNET_NEW_KEY_SECRET in place of SIGNET_KEY_SECRET. Nodes may run meanwhile: they go on with
 * the keys that they have, and need the new secret for their next start and for the next rotation. The audit names `operator` as the
 * actor. Returns the ids of the keys.
 *
 * Throws `invalid` without a database URL, for a secret that is missing or does not open the keys, and for the same secret twice;
 * `not_found` for a database without keys; `conflict` when a node changed them at the same time.
 */
export async function resealOffline(config: Config): Promise<readonly string[]> {
  const connection = databaseConfig(config);
  if (connection === null) {
    throw new AppError(
      "invalid",
      "SIGNET_DATABASE_URL must be set: with SQLite the keys are files of the data directory",
    );
  }
  const from = new KeySealer(config.keySecret);
  const to = new KeySealer(config.newKeySecret, "SIGNET_NEW_KEY_SECRET");
  if (config.keySecret === config.newKeySecret) {
    throw new AppError("invalid", "SIGNET_NEW_KEY_SECRET must be another secret than SIGNET_KEY_SECRET");
  }
  // Loaded only here: other commands have no need of it.
  const { openPostgresStore } = await import("../store/postgres/open.js");
  await using store = await openPostgresStore({ ...connection, applicationName: "signet", nodeId: randomUUID() });
  const at = instantOf(systemClock.now());
  return await resealKeys(store, { from, to, at }, (tx, set) => recordReseal(store, tx, set));
}

async function recordReseal(store: Store, tx: Writer, { audit: pem, bundles }: KeySet): Promise<void> {
  const operator = await tx.operatorOrganization();
  if (operator === null || pem === undefined || bundles === undefined) return;
  const ring = new KeyRing({
    store,
    keys: verifyingKeys({ bundles: null, audit: null, webhooks: null, attestation: null, opa: null }),
  });
  const audit = createAudit({ store, clock: systemClock, signer: createNodeSigner(pem), ring });
  await audit.record(tx, operator.id, "operator", {
    action: "key.resealed",
    resourceType: "key",
    resourceId: keyIdOf(bundles),
  });
}

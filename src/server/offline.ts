import { adminTokenFile, keepAdminToken } from "./admin-token-file.js";
import { assembleServices } from "./assemble.js";
import type { Config } from "../config/config.js";
import { systemClock } from "../core/clock.js";
import { notFound } from "../core/error.js";
import { openDataDirectory } from "./data-directory.js";
import { NO_TRACING } from "../core/trace.js";
import { DEFAULT_DOCUMENTS } from "../service/documents/documents.js";
import { NO_OBSERVERS, NO_WARNINGS } from "../service/changes/observers.js";
import { createRawKey } from "../service/tokens/raw-key.js";
import { keepPublicKeys } from "../service/keys/key-records.js";

/** A replaced admin token. */
export interface OfflineAdminToken {
  readonly rawKey: string;
  readonly keyPrefix: string;
  readonly orgId: string;
  /** Where it was kept, readable by the owner alone. */
  readonly file: string;
}

/**
 * Makes an admin token of the operator's organization on the data directory of a stopped server: for a lost one. Other tokens stay.
 * Recorded in the audit as done by `operator`.
 *
 * Throws `conflict` while a server owns the directory, `not_found` when there is no database in it.
 */
export async function createOfflineAdminToken(
  config: Pick<Config, "data" | "signingKey" | "synchronous" | "nativeDirectory">,
  name: string | null = null,
): Promise<OfflineAdminToken> {
  await using directory = await openDataDirectory({
    path: config.data,
    signingKey: config.signingKey,
    synchronous: config.synchronous,
    nativeDirectory: config.nativeDirectory,
    create: false,
  });
  const { store, keys } = directory;
  await keepPublicKeys(store, systemClock, keys, directory.lastKeys);
  const sessionLimits = { stream: 0, poll: 0 };
  // Nothing is sent by an offline command: the next server does.
  const webhooks = { allowList: [], schedule: [0], timeoutMs: 0, userAgent: "", onError: () => undefined };
  const services = assembleServices({
    ...{ store, keys, clock: systemClock, sessionLimits, heartbeatMs: 0, webhooks },
    observers: NO_OBSERVERS,
    warnings: NO_WARNINGS,
    tracing: NO_TRACING,
    documents: DEFAULT_DOCUMENTS,
  });
  const key = createRawKey("admin");
  // Kept before it is committed, as at the first start: a token that works and that nobody has would be lost.
  keepAdminToken(directory.path, key.rawKey);
  const { token } = await store.write(async (tx) => {
    const operator = await tx.operatorOrganization();
    if (operator === null) throw notFound("organization of the operator");
    const options = { name: name ?? "made offline", expiresInDays: null };
    const issued = await services.tokens.issueIn(tx, operator.id, "admin", options, {}, key);
    await services.audit.record(tx, operator.id, "operator", {
      action: "token.created",
      resourceType: "token",
      resourceId: String(issued.token.id),
      metadata: { key_prefix: issued.token.keyPrefix, key_type: "admin", offline: true },
    });
    return issued;
  });
  return { rawKey: key.rawKey, keyPrefix: token.keyPrefix, orgId: token.orgId, file: adminTokenFile(directory.path) };
}

import { composeAudit } from "./compose/audit.js";
import { composeChanges } from "./compose/changes.js";
import type { ServiceContext } from "./compose/context.js";
import { composeKeys } from "./compose/keys.js";
import { composeTokens } from "./compose/tokens.js";
import type { Config } from "../config/config.js";
import { systemClock } from "../core/clock.js";
import { notFound } from "../core/error.js";
import { adminTokenFile, keepAdminToken } from "./admin-token-file.js";
import { CHANGE, openServerDatabase } from "./database/server-database.js";
import { createLogger } from "./logger.js";
import { NO_TRACING } from "../core/trace.js";
import { StoreChanges } from "../service/changes/store-changes.js";
import { NO_OBSERVERS, NO_WARNINGS } from "../service/changes/observers.js";
import { NO_KEPT_KEY } from "../service/tokens/kept-key.js";
import { createRawKey } from "../service/tokens/raw-key.js";
import { keepPublicKeys } from "../service/keys/key-records.js";
import { keyEventRecorder } from "../service/rotation/key-events.js";

/** An admin token that replaces a lost one. */
export interface OfflineAdminToken {
  readonly rawKey: string;
  readonly keyPrefix: string;
  readonly orgId: string;
  /** The file that holds it, readable by the owner alone. */
  readonly file: string;
}

/**
 * Creates an admin token of the operator's organization in the data directory of a stopped server, or in PostgreSQL whose nodes may run, to
 * replace a lost one. Other tokens stay. The audit names `operator` as the actor.
 *
 * Throws `conflict` while a server owns the directory, `not_found` when there is no database in it.
 */
export async function createOfflineAdminToken(config: Config, name: string | null = null): Promise<OfflineAdminToken> {
  await using directory = await openServerDatabase(config, createLogger("silent"), CHANGE);
  const { store, keys } = directory;
  const context: ServiceContext = {
    ...{
      store,
      storeChanges: new StoreChanges(),
      feed: null,
      clock: systemClock,
      signingKeys: keys,
      lastKeys: directory.lastKeys,
    },
    ...{ observers: NO_OBSERVERS, warnings: NO_WARNINGS, tracing: NO_TRACING, keptKey: NO_KEPT_KEY },
  };
  const { audit } = composeAudit(context, composeKeys(context));
  await keepPublicKeys(store, systemClock, keys, directory.lastKeys, keyEventRecorder(audit));
  const { outbox } = composeChanges(context, { consoleServer: null });
  const { tokens } = composeTokens(context, { audit, outbox }, { stream: 0, poll: 0 });
  const key = createRawKey("admin");
  // Written before the commit, as at the first start: a valid token would be lost otherwise.
  keepAdminToken(directory.path, key.rawKey);
  const { token } = await store.write(async (tx) => {
    const operator = await tx.operatorOrganization();
    if (operator === null) throw notFound("organization of the operator");
    const options = { name: name ?? "created offline", expiresInDays: null };
    const issued = await tokens.issueIn(tx, operator.id, "admin", options, {}, key);
    await audit.record(tx, operator.id, "operator", {
      action: "token.created",
      resourceType: "token",
      resourceId: String(issued.token.id),
      metadata: { key_prefix: issued.token.keyPrefix, key_type: "admin", offline: true },
    });
    return issued;
  });
  return { rawKey: key.rawKey, keyPrefix: token.keyPrefix, orgId: token.orgId, file: adminTokenFile(directory.path) };
}

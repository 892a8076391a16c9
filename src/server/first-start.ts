import type { Logger } from "pino";
import type { Services } from "./compose/services.js";
import type { Config } from "../config/config.js";
import { systemClock } from "../core/clock.js";
import { prepareAdminToken, settleAdminToken } from "./admin-token-file.js";
import type { ServerDatabase } from "./database/server-database.js";
import type { Declaration } from "../provision/declaration.js";
import { describeStep } from "../provision/step.js";
import { provisionInside, type ProvisioningServices } from "./provision-inside.js";
import { bootstrap } from "../service/tenancy/bootstrap.js";
import { chosenRawKey, createRawKey } from "../service/tokens/raw-key.js";

/** The result of a data directory's first start. */
export interface FirstStart {
  readonly orgId: string;
  readonly projectId: string;
  /** The generated admin token, to be shown once and on a terminal only; null when the operator chose it. */
  readonly adminToken: string | null;
}

/** Creates the operator's organization and its admin token in a data directory that has none; null in any other. */
export async function makeFirstStart(
  directory: Pick<ServerDatabase, "path" | "store">,
  services: Pick<Services, "audit" | "tokens" | "tenancy">,
  config: Config,
): Promise<FirstStart | null> {
  const { store } = directory;
  if ((await store.read.operatorOrganization()) !== null) return null;
  const key = config.adminToken === null ? createRawKey("admin") : chosenRawKey(config.adminToken);
  // Written before the commit: a valid token would be lost otherwise.
  if (config.adminToken === null) prepareAdminToken(directory.path, key.rawKey);
  const { audit, tokens, tenancy } = services;
  const made = await bootstrap({ store, clock: systemClock, ...audit, ...tokens, ...tenancy }, key);
  // Of nodes that start together one makes the organization: the token of the others never works, and leaves no file.
  if (config.adminToken === null) await settleAdminToken(directory.path, store.read);
  return made === null ? null : { ...made, adminToken: config.adminToken === null ? key.rawKey : null };
}

/**
 * Applies a declaration, after the first start, whose organization it needs. Throws the error of the first step that fails; the changes
 * before it stay.
 */
export async function provision(
  directory: Pick<ServerDatabase, "path" | "store">,
  services: ProvisioningServices & Pick<Services, "audit">,
  config: Config,
  declaration: Declaration,
  log: Logger,
): Promise<FirstStart | null> {
  const firstStart = await makeFirstStart(directory, services, config);
  const steps: string[] = [];
  await provisionInside({ store: directory.store, services }, declaration, (step) => {
    steps.push(step.do);
    log.info({ step: describeStep(step) }, "provisioned");
  });
  log.info({ changes: steps.length }, "the declaration is applied");
  return firstStart;
}

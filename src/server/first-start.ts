import type { Logger } from "pino";
import { keepAdminToken } from "./admin-token-file.js";
import type { Services } from "./assemble.js";
import type { Config } from "../config/config.js";
import type { DataDirectory } from "./data-directory.js";
import type { Declaration } from "../provision/declaration.js";
import { describeStep } from "../provision/step.js";
import { provisionInside } from "./provision-inside.js";
import { bootstrap } from "../service/tenancy/bootstrap.js";
import { chosenRawKey, createRawKey } from "../service/tokens/raw-key.js";

/** What the first start of a data directory made. */
export interface FirstStart {
  readonly orgId: string;
  readonly projectId: string;
  /** The admin token that was made; null when the operator chose it. To be shown once, on a terminal only. */
  readonly adminToken: string | null;
}

/** Makes the operator's organization and its admin token in a data directory that has none; null in any other. */
export async function makeFirstStart(
  directory: DataDirectory,
  services: Services,
  config: Config,
): Promise<FirstStart | null> {
  const { store } = directory;
  if ((await store.read.operatorOrganization()) !== null) return null;
  const key = config.adminToken === null ? createRawKey("admin") : chosenRawKey(config.adminToken);
  // Kept before it is committed: a token that works and that nobody has would be lost.
  if (config.adminToken === null) keepAdminToken(directory.path, key.rawKey);
  const made = await bootstrap({ store, ...services }, key);
  return made === null ? null : { ...made, adminToken: config.adminToken === null ? key.rawKey : null };
}

/**
 * Applies a declaration. It needs the operator's organization, so that the first start comes before it. Throws what the first step that
 * fails throws; the changes before it stay.
 */
export async function provision(
  directory: DataDirectory,
  services: Services,
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

import { TenantNames } from "../../service/access/tenant-names.js";
import { Environments } from "../../service/tenancy/environments.js";
import { Organizations } from "../../service/tenancy/organizations.js";
import { Projects } from "../../service/tenancy/projects.js";
import type { AuditServices } from "./audit.js";
import type { ChangeServices } from "./changes.js";
import type { ServiceContext } from "./context.js";
import type { TokenServices } from "./tokens.js";

/** Organizations with their projects and environments. */
export interface TenancyServices {
  readonly organizations: Organizations;
  readonly projects: Projects;
  readonly environments: Environments;
  readonly names: TenantNames;
}

/** Composes organizations, projects and environments. */
export function composeTenancy(
  { store, clock, signingKeys: keys }: ServiceContext,
  { audit, tokens, sessions, cache, wakeups, outbox }: AuditServices & TokenServices & ChangeServices,
): TenancyServices {
  return {
    organizations: new Organizations({ store, clock, audit, tokens, sessions, cache, wakeups, outbox, keys }),
    projects: new Projects({ store, clock, audit, tokens, sessions, cache, wakeups, outbox }),
    environments: new Environments({ store, clock, audit, sessions, cache, wakeups, keys }),
    names: new TenantNames(store.read),
  };
}

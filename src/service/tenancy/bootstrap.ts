import { randomUUID } from "node:crypto";
import { instantOf, type Clock } from "../../core/clock.js";
import type { Organization } from "../../core/organization.js";
import type { Store } from "../../store/store.js";
import type { Audit } from "../audit/audit.js";
import type { Projects } from "./projects.js";
import type { RawKey } from "../tokens/raw-key.js";
import type { Tokens } from "../tokens/tokens.js";

/** What the first start made. */
export interface FirstStart {
  readonly orgId: string;
  readonly projectId: string;
}

interface Deps {
  readonly store: Store;
  readonly clock: Clock;
  readonly audit: Audit;
  readonly tokens: Tokens;
  readonly projects: Projects;
}

/**
 * Makes, once, what a new server starts with: the operator's organization `default`, its project `default` with dev, staging and
 * prod, and the first admin token, whose key is given. Null on every later start.
 */
export async function bootstrap(deps: Deps, adminKey: RawKey): Promise<FirstStart | null> {
  const { store, clock, audit, tokens, projects } = deps;
  return await store.write(async (tx) => {
    if ((await tx.operatorOrganization()) !== null) return null;
    const organization: Organization = {
      id: randomUUID(),
      name: "default",
      slug: "default",
      plan: "self-hosted",
      industry: null,
      companySize: null,
      versionsPerEnvironment: null,
      isOperator: true,
      ownKeysSince: null,
      createdAt: instantOf(clock.now()),
    };
    await tx.insertOrganization(organization);
    const { project, environments } = await projects.createIn(tx, organization.id, "default");
    const options = { name: "first admin", expiresInDays: null };
    const admin = await tokens.issueIn(tx, organization.id, "admin", options, {}, adminKey);
    await audit.record(tx, organization.id, "system", {
      action: "organization.created",
      resourceType: "organization",
      resourceId: organization.id,
      metadata: {
        name: organization.name,
        project_id: project.id,
        environments: environments.map(({ name }) => name),
        admin_key_prefix: admin.token.keyPrefix,
      },
    });
    return { orgId: organization.id, projectId: project.id };
  });
}

import type { Services } from "./compose/services.js";
import { instantOf, systemClock } from "../core/clock.js";
import { AppError } from "../core/error.js";
import { environmentSettings, type Environment } from "../core/organization.js";
import { isLive, OPERATOR_TOKEN_ID, SCOPES, type Principal } from "../core/token.js";
import { inOneForm } from "../provision/names.js";
import type { Declaration } from "../provision/declaration.js";
import { executePlan } from "../provision/execute.js";
import { planChanges } from "../provision/plan.js";
import type { Step } from "../provision/step.js";
import type {
  ActualContents,
  ActualEnvironment,
  ActualOrganization,
  ProvisionTarget,
} from "../provision/provision-target.js";
import { fingerprintOf } from "../service/webhooks/webhooks.js";
import type { Store } from "../store/store.js";

const ALL = { limit: 1_000_000, offset: 0 };
const SECRET_GRACE_SECONDS = 86_400;

/** The features that a declaration changes. */
export type ProvisioningServices = Pick<Services, "tenancy" | "tokens" | "webhooks">;

/**
 * Applies a declaration in the process that owns the store, as the operator, in every organization; nothing is removed. The use cases
 * and the audit are those of the API. Throws as planChanges and the use cases do.
 */
export async function provisionInside(
  { store, services }: { readonly store: Store; readonly services: ProvisioningServices },
  declaration: Declaration,
  onDone: (step: Step) => void,
): Promise<void> {
  const target = insideTarget(store, services);
  const actual = inOneForm(await target.read());
  const plan = planChanges(declaration, actual, { prune: false });
  await executePlan(target, plan, { declaration, actual }, onDone);
}

function insideTarget(store: Store, services: ProvisioningServices): ProvisionTarget {
  const { organizations, projects, environments } = services.tenancy;
  const { webhooks } = services.webhooks;
  const { tokens } = services.tokens;
  const operatorId = async () => {
    const operator = await store.read.operatorOrganization();
    if (operator === null) throw new AppError("not_found", "organization of the operator not found");
    return operator.id;
  };
  return {
    async read() {
      const { rows } = await store.read.organizations(ALL);
      return await Promise.all(
        rows.map(async (row): Promise<ActualOrganization> => {
          const { id, name, isOperator, plan, versionsPerEnvironment } = row;
          const contents = await readContents(store, id);
          return { id, name, isOperator, plan, versionsPerEnvironment, contents };
        }),
      );
    },
    async createOrganization({ name, plan, versionsPerEnvironment, admin }) {
      const { organization } = await organizations.create(operatorIn(await operatorId()), {
        ...{ name, plan: plan ?? null, versionsPerEnvironment: versionsPerEnvironment ?? null },
        ...{ adminName: admin.name, adminKeyHash: admin.sha256 },
      });
      return organization.id;
    },
    async updateOrganization(orgId, change) {
      await organizations.update(operatorIn(orgId), orgId, change);
    },
    async createProject(orgId, name, stages) {
      const options = { ...(stages.length === 0 ? {} : { environments: stages }), runtimeKeys: false };
      const made = await projects.create(operatorIn(orgId), name, options);
      return { id: made.project.id, name, environments: made.environments.map(actualEnvironment) };
    },
    async deleteProject(orgId, projectId) {
      await projects.delete(operatorIn(orgId), projectId);
    },
    async createEnvironment(orgId, projectId, environment) {
      return actualEnvironment(await environments.create(operatorIn(orgId), projectId, environment));
    },
    async updateEnvironment(orgId, projectId, { name: envName, ...change }) {
      await environments.update(operatorIn(orgId), { projectId, envName }, change);
    },
    async deleteEnvironment(orgId, projectId, envName) {
      await environments.delete(operatorIn(orgId), { projectId, envName });
    },
    async createWebhook(orgId, url, events, givenSecret) {
      const input = { url, events, generateSecret: false, givenSecret };
      return (await webhooks.create(operatorIn(orgId), input)).id;
    },
    async updateWebhook(orgId, id, change) {
      await webhooks.update(operatorIn(orgId), id, change);
    },
    async setWebhookSecret(orgId, id, secret) {
      await webhooks.rotateSecret(operatorIn(orgId), id, SECRET_GRACE_SECONDS, secret);
    },
    async deleteWebhook(orgId, id) {
      await webhooks.delete(operatorIn(orgId), id);
    },
    async createToken(orgId, { type, projectId, environmentId, sha256, audit, ...options }) {
      const caller = operatorIn(orgId);
      const common = {
        name: options.name,
        expiresInDays: options.expiresInDays,
        keyHash: sha256,
        refusesForeignKey: true,
      };
      const project = { ...common, projectId: projectId ?? "" };
      if (type === "admin") await tokens.createAdmin(caller, common);
      else if (type === "metrics") await tokens.createMetrics(caller, common);
      else if (type === "viewer") await tokens.createViewer(caller, { ...common, projectId, readsAudit: audit });
      else if (type === "ci") await tokens.createCi(caller, { ...project, environments: options.environments });
      else await tokens.createRuntime(caller, { ...project, environmentId: environmentId ?? "" });
    },
    async rotateToken(orgId, id, sha256) {
      await tokens.rotate(operatorIn(orgId), id, 0, sha256, true);
    },
    async revokeToken(orgId, id) {
      await tokens.revoke(operatorIn(orgId), id);
    },
  };
}

async function readContents({ read }: Store, orgId: string): Promise<ActualContents> {
  const now = instantOf(systemClock.now());
  const [projects, webhooks, tokens] = await Promise.all([
    read.projects(orgId, ALL),
    read.webhooks(orgId, ALL),
    read.tokens({ orgId, ...ALL }),
  ]);
  return {
    projects: await Promise.all(
      projects.rows.map(async ({ id, name }) => {
        return { id, name, environments: (await read.environments(id)).map(actualEnvironment) };
      }),
    ),
    webhooks: webhooks.rows.map((webhook) => ({ ...webhook, secretFingerprint: fingerprintOf(webhook) })),
    tokens: tokens.rows.map((token) => {
      return { ...token, type: token.keyType, audit: token.readsAudit, isLive: isLive(token, now), isInUse: false };
    }),
  };
}

function actualEnvironment(environment: Environment): ActualEnvironment {
  return { id: environment.id, name: environment.name, ...environmentSettings(environment) };
}

/** The caller when there is no token: the operator, as in an offline command (core/audit.ts). */
function operatorIn(orgId: string): Principal {
  return {
    ...{ tokenId: OPERATOR_TOKEN_ID, tokenName: null, keyHash: "", keyPrefix: "operator", keyType: "admin" },
    ...{ orgId, isOperator: true },
    ...{ projectId: null, environmentId: null, environments: [], scopes: SCOPES.admin, expiresAt: null },
  };
}

import { defined } from "../../core/defined.js";
import { environmentSettings } from "../../core/organization.js";
import { snakeCase } from "../../core/snake-case.js";
import type { Declaration } from "../../provision/declaration.js";
import type {
  ActualContents,
  ActualEnvironment,
  ActualToken,
  ProvisionTarget,
} from "../../provision/provision-target.js";
import {
  SignetError,
  type Environment,
  type Organization,
  type SignetClient,
  type Token,
  type WhoAmIResponse,
} from "../../sdk/index.js";

/** A server as its API shows it: the caller's own organization, and those for which the declaration names a token. */
export function apiTarget(
  client: SignetClient,
  declaration: Declaration,
  /** A client with another token of the same server. */
  clientWith: (token: string) => SignetClient,
): ProvisionTarget {
  /** The clients by the organization in which they can act. */
  const clients = new Map<string, { readonly client: SignetClient; readonly tokenId: number }>();
  const inOrganization = (orgId: string): SignetClient => {
    const known = clients.get(orgId);
    if (known !== undefined) return known.client;
    throw new SignetError("forbidden", "its own admin token is needed to change an organization: declare `token`");
  };
  return {
    async read() {
      const { orgId: ownId, id: tokenId } = await client.tokens.whoAmI({});
      clients.set(ownId, { client, tokenId });
      const all = await visibleOrganizations(client, ownId);
      for (const { credential } of declaration.organizations) {
        if (credential === undefined) continue;
        const other = clientWith(credential);
        // The token of an organization that is still to be created is not known yet.
        const principal = await whoIs(other);
        if (principal !== null && principal.orgId !== ownId)
          clients.set(principal.orgId, { client: other, tokenId: principal.id });
      }
      return await Promise.all(
        all.map(async ({ organization, isOperator }) => {
          const { id, name, plan, versionsPerEnvironment = null } = organization;
          const known = clients.get(id);
          const contents = known === undefined ? null : await readContents(known.client, id, known.tokenId);
          return { id, name, isOperator, plan, versionsPerEnvironment, contents };
        }),
      );
    },
    async createOrganization(organization) {
      const { name, plan, versionsPerEnvironment, admin } = organization;
      const declared = declaration.organizations.find((candidate) => candidate.name === name);
      const { id } = await client.organizations.createOrganization({
        ...{ name, adminTokenName: admin.name, adminTokenSha256: admin.sha256 },
        ...withoutNulls(defined({ plan, versionsPerEnvironment })),
      });
      if (declared?.credential !== undefined) {
        clients.set(id, { client: clientWith(declared.credential), tokenId: 0 });
      }
      return id;
    },
    async updateOrganization(orgId, change) {
      const { name, ...settings } = change;
      // The name is the organization's own to change, the rest the operator's.
      if (name !== undefined) await inOrganization(orgId).organizations.updateOrganization({ orgId, name });
      const paths = Object.keys(settings).map(snakeCase);
      if (paths.length === 0) return;
      const request = { orgId, updateMask: { paths }, ...withoutNulls(settings) };
      await client.organizations.updateOrganization(request);
    },
    async createProject(orgId, name, environments) {
      const request = { orgId, name, environments: [...environments], runtimeKeys: false };
      const made = await inOrganization(orgId).organizations.createProject(request);
      return { id: made.id, name, environments: made.environments.map(actualEnvironment) };
    },
    async deleteProject(orgId, projectId) {
      await inOrganization(orgId).organizations.deleteProject({ orgId, projectId });
    },
    async createEnvironment(orgId, projectId, environment) {
      // A next stage that is present and empty is none.
      const next = environment.promotesTo === null ? { promotesTo: "" } : {};
      const request = { orgId, projectId, ...withoutNulls(environment), ...next };
      return actualEnvironment(await inOrganization(orgId).organizations.createEnvironment(request));
    },
    async updateEnvironment(orgId, projectId, environment) {
      const { name: envName, ...settings } = environment;
      const paths = Object.keys(settings).map(snakeCase);
      // Named in the mask and not set: cleared.
      const request = { orgId, projectId, envName, updateMask: { paths }, ...withoutNulls(settings) };
      await inOrganization(orgId).organizations.updateEnvironment(request);
    },
    async deleteEnvironment(orgId, projectId, envName) {
      await inOrganization(orgId).organizations.deleteEnvironment({ orgId, projectId, envName });
    },
    async createWebhook(orgId, url, events, secret) {
      const given = secret === null ? { generateSecret: false } : { givenSecret: secret };
      return (await inOrganization(orgId).webhooks.createWebhook({ orgId, url, events: [...events], ...given })).id;
    },
    async updateWebhook(orgId, webhookId, { events, isActive }) {
      const change = defined({ events: events === undefined ? undefined : [...events], isActive });
      await inOrganization(orgId).webhooks.updateWebhook({ orgId, webhookId, ...change });
    },
    async setWebhookSecret(orgId, webhookId, givenSecret) {
      await inOrganization(orgId).webhooks.rotateWebhookSecret({ orgId, webhookId, givenSecret });
    },
    async deleteWebhook(orgId, webhookId) {
      await inOrganization(orgId).webhooks.deleteWebhook({ orgId, webhookId });
    },
    async createToken(orgId, token) {
      const { name, type, sha256, projectId, environmentId, environments, audit, expiresInDays } = token;
      const { tokens } = inOrganization(orgId);
      const common = { orgId, name, sha256, ...(expiresInDays === null ? {} : { expiresInDays }) };
      const project = { ...common, projectId: projectId ?? "" };
      if (type === "admin") await tokens.createAdminToken(common);
      else if (type === "metrics") await tokens.createMetricsToken(common);
      else if (type === "viewer") await tokens.createViewerToken({ ...common, ...withoutNulls({ projectId }), audit });
      else if (type === "ci") await tokens.createCiToken({ ...project, environments: [...environments] });
      else await tokens.createRuntimeToken({ ...project, ...(environmentId === null ? {} : { environmentId }) });
    },
    async rotateToken(orgId, keyId, sha256) {
      await inOrganization(orgId).tokens.rotateToken({ orgId, keyId, sha256 });
    },
    async revokeToken(orgId, keyId) {
      await inOrganization(orgId).tokens.revokeToken({ orgId, keyId });
    },
  };
}

/** All of them for an operator, oldest first, so that the operator's comes first; else the caller's own. */
async function visibleOrganizations(
  { organizations }: SignetClient,
  ownId: string,
): Promise<readonly { readonly organization: Organization; readonly isOperator: boolean }[]> {
  try {
    const found = await allPages(100, async (page) => (await organizations.listOrganizations(page)).data);
    return found.map((organization, index) => ({ organization, isOperator: index === 0 }));
  } catch (thrown) {
    if (!(thrown instanceof SignetError) || thrown.code !== "forbidden") throw thrown;
    return [{ organization: await organizations.getOrganization({ orgId: ownId }), isOperator: false }];
  }
}

/** Null when the server does not know the token. */
async function whoIs(client: SignetClient): Promise<WhoAmIResponse | null> {
  try {
    return await client.tokens.whoAmI({});
  } catch (thrown) {
    if (thrown instanceof SignetError && thrown.code === "unauthenticated") return null;
    throw thrown;
  }
}

async function readContents(client: SignetClient, orgId: string, callerId: number): Promise<ActualContents> {
  const [projects, webhooks, tokens] = await Promise.all([
    allPages(1000, async (page) => (await client.organizations.listProjects({ orgId, ...page })).projects),
    allPages(1000, async (page) => (await client.webhooks.listWebhooks({ orgId, ...page })).webhooks),
    allPages(1000, async (page) => (await client.tokens.listTokens({ orgId, ...page })).tokens),
  ]);
  return {
    projects: projects.map(({ id, name, environments }) => {
      return { id, name, environments: environments.map(actualEnvironment) };
    }),
    webhooks: webhooks.map(({ id, url, events, isActive, secretFingerprint }) => {
      return { id, url, events, isActive, secretFingerprint: secretFingerprint ?? null };
    }),
    tokens: tokens.map((token) => actualToken(token, callerId)),
  };
}

async function allPages<T>(
  limit: number,
  read: (page: { readonly limit: number; readonly offset: number }) => Promise<readonly T[]>,
): Promise<readonly T[]> {
  const found: T[] = [];
  for (;;) {
    const page = await read({ limit, offset: found.length });
    found.push(...page);
    if (page.length < limit) return found;
  }
}

function withoutNulls<T extends object>(fields: T): { [K in keyof T]: NonNullable<T[K]> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null)) as {
    [K in keyof T]: NonNullable<T[K]>;
  };
}

function actualEnvironment(environment: Environment): ActualEnvironment {
  return { id: environment.id, name: environment.name, ...environmentSettings(environment) };
}

function actualToken(token: Token, callerId: number): ActualToken {
  const { id, keyPrefix, environments, isActive } = token;
  return {
    ...{ id, keyPrefix, environments, isLive: isActive, isInUse: id === callerId },
    name: token.name ?? null,
    type: token.keyType as ActualToken["type"],
    audit: token.scopes.includes("audit:read"),
    projectId: token.projectId ?? null,
    environmentId: token.environmentId ?? null,
  };
}

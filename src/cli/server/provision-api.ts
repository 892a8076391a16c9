import { environmentSettings } from "../../core/organization.js";
import { snakeCase } from "../../core/snake-case.js";
import type { Declaration } from "../../provision/declaration.js";
import type {
  ActualContents,
  ActualEnvironment,
  ActualOrganization,
  ActualToken,
  ProvisionTarget,
} from "../../provision/target.js";
import {
  SignetError,
  type Environment,
  type Organization,
  type SignetClient,
  type Token,
  type WhoAmIResponse,
} from "../../sdk/index.js";

/** A server as its API shows it: the caller's own organization, and those for which the declaration names a token. */
export class ApiTarget implements ProvisionTarget {
  /** Who can act in which organization, and with which token. */
  readonly #clients = new Map<string, { readonly client: SignetClient; readonly tokenId: number }>();

  constructor(
    private readonly client: SignetClient,
    private readonly declaration: Declaration,
    /** Another token on the same server. */
    private readonly clientWith: (token: string) => SignetClient,
  ) {}

  async read(): Promise<readonly ActualOrganization[]> {
    const { orgId: ownId, id: tokenId } = await this.client.tokens.whoAmI({});
    this.#clients.set(ownId, { client: this.client, tokenId });
    const all = await this.organizations(ownId);
    for (const { credential } of this.declaration.organizations) {
      if (credential === undefined) continue;
      const client = this.clientWith(credential);
      // That of an organization which is still to be made is not known yet.
      const who = await whoIs(client);
      if (who !== null && who.orgId !== ownId) this.#clients.set(who.orgId, { client, tokenId: who.id });
    }
    return await Promise.all(
      all.map(async ({ organization, isOperator }) => {
        const { id, name, plan, versionsPerEnvironment = null } = organization;
        const known = this.#clients.get(id);
        const contents = known === undefined ? null : await readContents(known.client, id, known.tokenId);
        return { id, name, isOperator, plan, versionsPerEnvironment, contents };
      }),
    );
  }

  async createOrganization(organization: Parameters<ProvisionTarget["createOrganization"]>[0]): Promise<string> {
    const { name, plan, versionsPerEnvironment, admin } = organization;
    const declared = this.declaration.organizations.find((candidate) => candidate.name === name);
    const { id } = await this.client.organizations.createOrganization({
      ...{ name, adminTokenName: admin.name, adminTokenSha256: admin.sha256 },
      ...(plan === undefined ? {} : { plan }),
      ...(versionsPerEnvironment == null ? {} : { versionsPerEnvironment }),
    });
    if (declared?.credential !== undefined) {
      this.#clients.set(id, { client: this.clientWith(declared.credential), tokenId: 0 });
    }
    return id;
  }

  async updateOrganization(orgId: string, change: Parameters<ProvisionTarget["updateOrganization"]>[1]): Promise<void> {
    const { name, plan, versionsPerEnvironment } = change;
    // The name is the organization's own to change, the rest the operator's.
    if (name !== undefined) await this.in(orgId).organizations.updateOrganization({ orgId, name });
    const paths = [
      ...(plan === undefined ? [] : ["plan"]),
      ...(versionsPerEnvironment === undefined ? [] : ["versions_per_environment"]),
    ];
    if (paths.length === 0) return;
    await this.client.organizations.updateOrganization({
      ...{ orgId, updateMask: { paths } },
      ...(plan === undefined ? {} : { plan }),
      ...(versionsPerEnvironment == null ? {} : { versionsPerEnvironment }),
    });
  }

  async createProject(orgId: string, name: string, environments: readonly string[]) {
    const request = { orgId, name, environments: [...environments], runtimeKeys: false };
    const made = await this.in(orgId).organizations.createProject(request);
    return { id: made.id, name, environments: made.environments.map(actualEnvironment) };
  }

  async deleteProject(orgId: string, projectId: string): Promise<void> {
    await this.in(orgId).organizations.deleteProject({ orgId, projectId });
  }

  async createEnvironment(
    orgId: string,
    projectId: string,
    environment: Parameters<ProvisionTarget["createEnvironment"]>[2],
  ): Promise<ActualEnvironment> {
    // A next stage that is present and empty is none.
    const next = environment.promotesTo === null ? { promotesTo: "" } : {};
    const request = { orgId, projectId, ...withoutNulls(environment), ...next };
    return actualEnvironment(await this.in(orgId).organizations.createEnvironment(request));
  }

  async updateEnvironment(
    orgId: string,
    projectId: string,
    environment: Parameters<ProvisionTarget["updateEnvironment"]>[2],
  ): Promise<void> {
    const { name: envName, ...settings } = environment;
    const paths = Object.keys(settings).map(snakeCase);
    // Named in the mask and not set: cleared.
    const request = { orgId, projectId, envName, updateMask: { paths }, ...withoutNulls(settings) };
    await this.in(orgId).organizations.updateEnvironment(request);
  }

  async deleteEnvironment(orgId: string, projectId: string, envName: string): Promise<void> {
    await this.in(orgId).organizations.deleteEnvironment({ orgId, projectId, envName });
  }

  async createWebhook(orgId: string, url: string, events: readonly string[], secret: string | null): Promise<string> {
    const given = secret === null ? { generateSecret: false } : { givenSecret: secret };
    return (await this.in(orgId).webhooks.createWebhook({ orgId, url, events: [...events], ...given })).id;
  }

  async updateWebhook(
    orgId: string,
    webhookId: string,
    { events, isActive }: Parameters<ProvisionTarget["updateWebhook"]>[2],
  ): Promise<void> {
    await this.in(orgId).webhooks.updateWebhook({
      ...{ orgId, webhookId },
      ...(events === undefined ? {} : { events: [...events] }),
      ...(isActive === undefined ? {} : { isActive }),
    });
  }

  async setWebhookSecret(orgId: string, webhookId: string, givenSecret: string): Promise<void> {
    await this.in(orgId).webhooks.rotateWebhookSecret({ orgId, webhookId, givenSecret });
  }

  async deleteWebhook(orgId: string, webhookId: string): Promise<void> {
    await this.in(orgId).webhooks.deleteWebhook({ orgId, webhookId });
  }

  async createToken(orgId: string, token: Parameters<ProvisionTarget["createToken"]>[1]): Promise<void> {
    const { name, type, sha256, projectId, environmentId, environments, expiresInDays } = token;
    const { tokens } = this.in(orgId);
    const common = { orgId, name, sha256, ...(expiresInDays === null ? {} : { expiresInDays }) };
    const project = { ...common, projectId: projectId ?? "" };
    if (type === "admin") await tokens.createAdminToken(common);
    else if (type === "ci") await tokens.createCiToken({ ...project, environments: [...environments] });
    else await tokens.createRuntimeToken({ ...project, ...(environmentId === null ? {} : { environmentId }) });
  }

  async rotateToken(orgId: string, keyId: number, sha256: string): Promise<void> {
    await this.in(orgId).tokens.rotateToken({ orgId, keyId, sha256 });
  }

  async revokeToken(orgId: string, keyId: number): Promise<void> {
    await this.in(orgId).tokens.revokeToken({ orgId, keyId });
  }

  /** All of them for an operator, oldest first, so that the operator's comes first; else the caller's own. */
  private async organizations(
    ownId: string,
  ): Promise<readonly { readonly organization: Organization; readonly isOperator: boolean }[]> {
    const { organizations } = this.client;
    try {
      const found = await allPages(100, async (page) => (await organizations.listOrganizations(page)).data);
      return found.map((organization, index) => ({ organization, isOperator: index === 0 }));
    } catch (thrown) {
      if (!(thrown instanceof SignetError) || thrown.code !== "forbidden") throw thrown;
      return [{ organization: await organizations.getOrganization({ orgId: ownId }), isOperator: false }];
    }
  }

  private in(orgId: string): SignetClient {
    const known = this.#clients.get(orgId);
    if (known !== undefined) return known.client;
    throw new SignetError("forbidden", "its own admin token is needed to change an organization: declare `token`");
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
    projectId: token.projectId ?? null,
    environmentId: token.environmentId ?? null,
  };
}

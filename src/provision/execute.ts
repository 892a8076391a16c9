import { AppError } from "../core/error.js";
import type { Declaration, DeclaredOrganization, DeclaredToken, DeclaredWebhook } from "./declaration.js";
import { organizationsFor } from "./plan.js";
import type { Step } from "./step.js";
import type { ActualOrganization, ActualProject, ProvisionTarget } from "./provision-target.js";

/**
 * Takes the steps of a plan, one after the other, each a change of its own with its audit event. When one fails, those before it stay
 * and the error is thrown: applying the same declaration again goes on from there.
 *
 * @param made what the plan was made from
 * @param onDone called after each step
 */
export async function executePlan(
  target: ProvisionTarget,
  plan: readonly Step[],
  made: { readonly declaration: Declaration; readonly actual: readonly ActualOrganization[] },
  onDone: (step: Step) => void,
): Promise<void> {
  const executor = new Executor(target);
  for (const declared of made.declaration.organizations) {
    const [organization] = organizationsFor(declared, made.actual);
    if (organization !== undefined) executor.know(declared.name, organization);
  }
  for (const step of plan) {
    await executor.take(step);
    onDone(step);
  }
}

/** Knows the ids of what is there and of what is made on the way, by the names that the file has. */
class Executor {
  readonly #organizations = new Map<string, string>();
  readonly #projects = new Map<string, ActualProject>();
  readonly #webhooks = new Map<string, string>();

  constructor(private readonly target: ProvisionTarget) {}

  know(name: string, { id, contents }: ActualOrganization): void {
    this.#organizations.set(name, id);
    for (const project of contents?.projects ?? []) this.#projects.set(keyOf(id, project.name), project);
    for (const webhook of contents?.webhooks ?? []) this.#webhooks.set(keyOf(id, webhook.url), webhook.id);
  }

  async take(step: Step): Promise<void> {
    const { target } = this;
    if (step.do === "organization.create") return await this.createOrganization(step.declared, step.admin);
    const orgId = known(this.#organizations, step.org, step.org);
    switch (step.do) {
      case "organization.update":
        return await target.updateOrganization(orgId, step.change);
      case "project.create": {
        const project = await target.createProject(orgId, step.project, step.environments);
        this.#projects.set(keyOf(orgId, step.project), project);
        return;
      }
      case "project.delete":
        return await target.deleteProject(orgId, this.project(orgId, step.project).id);
      case "environment.create":
        return await this.createEnvironment(orgId, step.project, step.environment);
      case "environment.update":
        return await target.updateEnvironment(orgId, this.project(orgId, step.project).id, step.environment);
      case "environment.delete":
        return await target.deleteEnvironment(orgId, this.project(orgId, step.project).id, step.name);
      case "webhook.create":
        return await this.createWebhook(orgId, step.declared);
      case "webhook.update":
        return await target.updateWebhook(orgId, this.webhook(orgId, step.url), step.change);
      case "webhook.rotate_secret":
        return await target.setWebhookSecret(orgId, this.webhook(orgId, step.url), step.secret);
      case "webhook.delete":
        return await target.deleteWebhook(orgId, step.id);
      case "token.create":
        return await this.createToken(orgId, step.declared);
      case "token.rotate":
        return await target.rotateToken(orgId, step.id, step.declared.sha256);
      case "token.revoke":
        return await target.revokeToken(orgId, step.id);
    }
  }

  private async createOrganization(declared: DeclaredOrganization, admin: DeclaredToken): Promise<void> {
    const { name, plan, versionsPerEnvironment } = declared;
    const id = await this.target.createOrganization({
      name,
      ...(plan === undefined ? {} : { plan }),
      ...(versionsPerEnvironment === undefined ? {} : { versionsPerEnvironment }),
      admin,
    });
    this.#organizations.set(name, id);
  }

  private async createEnvironment(
    orgId: string,
    projectName: string,
    stage: Parameters<ProvisionTarget["createEnvironment"]>[2],
  ): Promise<void> {
    const project = this.project(orgId, projectName);
    const made = await this.target.createEnvironment(orgId, project.id, stage);
    const environments = [...project.environments, made];
    this.#projects.set(keyOf(orgId, projectName), { ...project, environments });
  }

  private async createWebhook(orgId: string, declared: DeclaredWebhook): Promise<void> {
    const { url, events, secret = null, isActive = true } = declared;
    const id = await this.target.createWebhook(orgId, url, events, secret);
    if (!isActive) await this.target.updateWebhook(orgId, id, { isActive });
  }

  private async createToken(orgId: string, declared: DeclaredToken): Promise<void> {
    const { name, type, sha256, environments, audit, expiresInDays = null } = declared;
    const project = declared.project === undefined ? undefined : this.project(orgId, declared.project);
    const environment = project?.environments.find((candidate) => candidate.name === declared.environment);
    if (declared.environment !== undefined && environment === undefined) {
      throw new AppError("not_found", `${declared.project ?? ""} has no environment "${declared.environment}"`);
    }
    const [projectId, environmentId] = [project?.id ?? null, environment?.id ?? null];
    await this.target.createToken(orgId, {
      ...{ name, type, sha256, projectId, environmentId, environments, audit, expiresInDays },
    });
  }

  private project(orgId: string, name: string): ActualProject {
    return known(this.#projects, keyOf(orgId, name), `project "${name}"`);
  }

  private webhook(orgId: string, url: string): string {
    return known(this.#webhooks, keyOf(orgId, url), "webhook");
  }
}

function known<T>(things: ReadonlyMap<string, T>, key: string, what: string): T {
  const thing = things.get(key);
  if (thing === undefined) throw new AppError("not_found", `${what} not found`);
  return thing;
}

function keyOf(orgId: string, name: string): string {
  return `${orgId} ${name}`;
}

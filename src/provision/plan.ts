import { ENVIRONMENT_SETTINGS, newStages, type EnvironmentChange } from "../core/organization.js";
import { AppError } from "../core/error.js";
import { secretFingerprint } from "../outbound/secret.js";
import { describeUrl } from "../outbound/webhook-url.js";
import {
  hasContents,
  type Declaration,
  type DeclaredEnvironment,
  type DeclaredOrganization,
  type DeclaredProject,
} from "./declaration.js";
import type { Step } from "./step.js";
import type { ActualContents, ActualEnvironment, ActualOrganization, ActualProject } from "./provision-target.js";
import { planTokens } from "./plan-tokens.js";

/** What a plan may change. */
export interface PlanOptions {
  /** Whether to take away, inside of the lists that are declared, what is not in them. */
  readonly prune: boolean;
}

const PROTECTED =
  "is protected and not declared: apply it once with `protected: false`, or run signet envs update <name> --no-protected";
const NOTHING: ActualContents = { projects: [], webhooks: [], tokens: [] };

/**
 * The changes that bring what there is to what is declared, in an order in which each finds what it needs; none when it is so
 * already. Removals stand last. Throws AppError `conflict` when a declaration cannot be met, with all the reasons.
 */
export function planChanges(
  declaration: Declaration,
  actual: readonly ActualOrganization[],
  options: PlanOptions,
): readonly Step[] {
  const reasons: string[] = [];
  const steps: Step[] = [];
  const removals: Step[] = [];
  for (const declared of declaration.organizations) {
    const planner = new OrganizationPlanner(declared, options, reasons);
    planner.plan(actual);
    steps.push(...planner.steps);
    removals.push(...planner.removals);
  }
  if (reasons.length > 0) throw new AppError("conflict", `this cannot be applied: ${reasons.join("; ")}`);
  return [...steps, ...removals];
}

/** What a declared organization is about: one, none, or more than one of the same name. */
export function organizationsFor(
  { name, operator }: DeclaredOrganization,
  all: readonly ActualOrganization[],
): readonly ActualOrganization[] {
  return all.filter((organization) => (operator ? organization.isOperator : organization.name === name));
}

class OrganizationPlanner {
  readonly steps: Step[] = [];
  readonly removals: Step[] = [];

  constructor(
    private readonly declared: DeclaredOrganization,
    private readonly options: PlanOptions,
    private readonly reasons: string[],
  ) {}

  plan(all: readonly ActualOrganization[]): void {
    const { name, operator } = this.declared;
    const found = organizationsFor(this.declared, all);
    const [organization] = found;
    if (found.length > 1) this.reasons.push(`${name}: more than one organization has this name`);
    else if (organization !== undefined) this.existing(organization);
    else if (operator) this.reasons.push(`${name}: only an admin token of the operator's organization can change it`);
    else this.create();
  }

  private create(): void {
    const admin = this.declared.tokens?.find(({ type }) => type === "admin");
    if (admin === undefined) {
      this.reasons.push(`${this.declared.name}: a new organization needs an admin token`);
      return;
    }
    this.steps.push({ org: this.declared.name, do: "organization.create", declared: this.declared, admin });
    const tokens = this.declared.tokens?.filter((token) => token !== admin) ?? [];
    this.contents({ ...this.declared, tokens }, NOTHING);
  }

  private existing(actual: ActualOrganization): void {
    const { name, plan, versionsPerEnvironment } = this.declared;
    const change = {
      ...(name === actual.name ? {} : { name }),
      ...(plan === undefined || plan === actual.plan ? {} : { plan }),
      ...(versionsPerEnvironment === undefined || versionsPerEnvironment === actual.versionsPerEnvironment
        ? {}
        : { versionsPerEnvironment }),
    };
    if (Object.keys(change).length > 0) this.steps.push({ org: name, do: "organization.update", change });
    if (!hasContents(this.declared)) return;
    if (actual.contents === null) {
      this.reasons.push(`${name}: its own admin token is needed to look inside: declare \`token\``);
      return;
    }
    this.contents(this.declared, actual.contents);
  }

  private contents(declared: DeclaredOrganization, actual: ActualContents): void {
    for (const project of declared.projects ?? []) this.project(project, actual.projects);
    if (declared.webhooks !== undefined) this.webhooks(declared.webhooks, actual);
    if (declared.tokens !== undefined) {
      const { steps, reasons, undeclared } = planTokens(this.declared.name, declared.tokens, actual);
      this.steps.push(...steps);
      this.reasons.push(...reasons);
      if (this.options.prune) this.removals.push(...undeclared);
    }
    if (this.options.prune && declared.projects !== undefined) this.pruneProjects(declared.projects, actual.projects);
  }

  private project(declared: DeclaredProject, projects: readonly ActualProject[]): void {
    const found = projects.filter(({ name }) => name === declared.name);
    const [project] = found;
    if (found.length > 1) {
      this.reasons.push(`${this.declared.name}/${declared.name}: more than one project has this name`);
    } else if (project === undefined) {
      this.newProject(declared);
    } else {
      this.stages(declared.name, declared.environments ?? [], project.environments);
    }
  }

  /** Made with its environments; what differs from "each promotes to the next" is changed after. */
  private newProject({ name: project, environments = [] }: DeclaredProject): void {
    const names = environments.map(({ name }) => name);
    this.steps.push({ org: this.declared.name, do: "project.create", project, environments: names });
    const made = newStages(names).map((stage) => ({ ...stage, id: "" }));
    this.stages(project, environments, made);
  }

  /** New and changed environments, each after the one that it promotes to, so that no step meets a cycle or a missing stage. */
  private stages(
    project: string,
    declared: readonly DeclaredEnvironment[],
    actual: readonly ActualEnvironment[],
  ): void {
    const org = this.declared.name;
    for (const stage of fromTheEnd(declared)) {
      const there = actual.find(({ name }) => name === stage.name);
      const known = [...actual, ...declared].some(({ name }) => name === stage.promotesTo);
      if (typeof stage.promotesTo === "string" && !known) {
        this.reasons.push(`${org}/${project}/${stage.name}: promotes to "${stage.promotesTo}", which does not exist`);
      } else if (there === undefined) {
        this.steps.push({ org, do: "environment.create", project, environment: stage });
      } else {
        const change = changeOf(stage, there);
        if (Object.keys(change).length === 0) continue;
        this.steps.push({ org, do: "environment.update", project, environment: { name: stage.name, ...change } });
      }
    }
  }

  private webhooks(declared: NonNullable<DeclaredOrganization["webhooks"]>, { webhooks }: ActualContents): void {
    const org = this.declared.name;
    for (const webhook of declared) {
      const { url, events, isActive, secret } = webhook;
      const found = webhooks.filter((candidate) => candidate.url === url);
      const [there] = found;
      if (found.length > 1) {
        this.reasons.push(`${org}: more than one webhook calls ${describeUrl(url)}`);
      } else if (there === undefined) {
        this.steps.push({ org, do: "webhook.create", declared: webhook });
      } else {
        const change = {
          ...(sameTexts(events, there.events) ? {} : { events }),
          ...(isActive === undefined || isActive === there.isActive ? {} : { isActive }),
        };
        if (Object.keys(change).length > 0) this.steps.push({ org, do: "webhook.update", url, change });
        if (secret !== undefined && secretFingerprint(secret) !== there.secretFingerprint) {
          this.steps.push({ org, do: "webhook.rotate_secret", url, secret });
        }
      }
    }
    if (!this.options.prune) return;
    for (const { id, url } of webhooks) {
      if (declared.every((webhook) => webhook.url !== url)) {
        this.removals.push({ org, do: "webhook.delete", url, id });
      }
    }
  }

  private pruneProjects(declared: readonly DeclaredProject[], actual: readonly ActualProject[]): void {
    const org = this.declared.name;
    for (const { name: project, environments } of actual) {
      const kept = declared.find(({ name }) => name === project);
      if (kept === undefined) {
        this.removals.push({ org, do: "project.delete", project });
      } else if (kept.environments !== undefined) {
        for (const { name, protected: isProtected } of environments) {
          if (kept.environments.some((stage) => stage.name === name)) continue;
          if (isProtected) this.reasons.push(`${org}/${project}/${name}: ${PROTECTED}`);
          this.removals.push({ org, do: "environment.delete", project, name });
        }
      }
    }
  }
}

function changeOf(declared: DeclaredEnvironment, actual: ActualEnvironment): EnvironmentChange {
  const changed = ENVIRONMENT_SETTINGS.filter((it) => declared[it] !== undefined && declared[it] !== actual[it]);
  return Object.fromEntries(changed.map((name) => [name, declared[name]]));
}

/** Last stages first. The declaration has no cycle (parse.ts). */
function fromTheEnd(declared: readonly DeclaredEnvironment[]): readonly DeclaredEnvironment[] {
  const ordered = new Set<DeclaredEnvironment>();
  const add = (stage: DeclaredEnvironment) => {
    const next = declared.find(({ name }) => name === stage.promotesTo);
    if (next !== undefined && !ordered.has(next)) add(next);
    ordered.add(stage);
  };
  for (const stage of declared) add(stage);
  return [...ordered];
}

function sameTexts(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((text) => b.includes(text));
}

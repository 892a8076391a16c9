import { printable } from "../core/printable.js";
import { snakeCase } from "../core/snake-case.js";
import { describeUrl } from "../outbound/webhook-url.js";
import type { DeclaredEnvironment, DeclaredOrganization, DeclaredToken, DeclaredWebhook } from "./declaration.js";

/** One change. Things are named as the file names them, since some of them are made on the way. */
export type Step = { readonly org: string } & (
  | { readonly do: "organization.create"; readonly declared: DeclaredOrganization; readonly admin: DeclaredToken }
  | {
      readonly do: "organization.update";
      readonly change: {
        readonly name?: string;
        readonly plan?: string;
        readonly versionsPerEnvironment?: number | null;
      };
    }
  | { readonly do: "project.create"; readonly project: string; readonly environments: readonly string[] }
  | { readonly do: "project.delete"; readonly project: string }
  | {
      readonly do: "environment.create" | "environment.update";
      readonly project: string;
      readonly environment: DeclaredEnvironment;
    }
  | { readonly do: "environment.delete"; readonly project: string; readonly name: string }
  | { readonly do: "webhook.create"; readonly declared: DeclaredWebhook }
  | {
      readonly do: "webhook.update";
      readonly url: string;
      readonly change: { readonly events?: readonly string[]; readonly isActive?: boolean };
    }
  | { readonly do: "webhook.rotate_secret"; readonly url: string; readonly secret: string }
  | { readonly do: "webhook.delete"; readonly url: string; readonly id: string }
  | { readonly do: "token.create"; readonly declared: DeclaredToken }
  | { readonly do: "token.rotate"; readonly declared: DeclaredToken; readonly id: number }
  | { readonly do: "token.revoke"; readonly id: number; readonly keyPrefix: string }
);

/** What a step is about and what it changes, on one line, without any secret. */
export function describeStep(step: Step): string {
  const what = step.do.replace(/^(\w+)\.(\w+)$/, "$2 $1").replace("_", " ");
  return printable(`${sign(step)} ${what}  ${step.org}${details(step)}`);
}

/** Whether it takes something away that was not declared. */
export function isRemoval(step: Step): boolean {
  return step.do.endsWith(".delete") || step.do === "token.revoke";
}

function sign(step: Step): string {
  if (step.do.endsWith(".create")) return "+";
  return isRemoval(step) ? "-" : "~";
}

function details(step: Step): string {
  switch (step.do) {
    case "organization.create":
      return `  with the admin token "${step.admin.name}"`;
    case "organization.update":
      return `  ${changes(step.change)}`;
    case "project.create":
      return `/${step.project}  ${step.environments.length === 0 ? "dev, staging, prod" : step.environments.join(", ")}`;
    case "project.delete":
      return `/${step.project}  with its environments, bundles and tokens`;
    case "environment.create":
    case "environment.update": {
      const { name, ...change } = step.environment;
      return `/${step.project}/${name}  ${changes(change)}`.trimEnd();
    }
    case "environment.delete":
      return `/${step.project}/${step.name}  with its bundles and tokens`;
    case "webhook.create":
      return `  ${describeUrl(step.declared.url)}  ${step.declared.events.join(", ")}`;
    case "webhook.update":
      return `  ${describeUrl(step.url)}  ${changes(step.change)}`;
    case "webhook.rotate_secret":
    case "webhook.delete":
      return `  ${describeUrl(step.url)}`;
    case "token.create":
    case "token.rotate":
      return describeToken(step.declared);
    case "token.revoke":
      return `  ${step.keyPrefix}`;
  }
}

function describeToken({ type, project, environment, name, environments }: DeclaredToken): string {
  const path = [project, environment].flatMap((part) => (part === undefined ? [] : [`/${part}`])).join("");
  const narrowed = environments.length === 0 ? "" : `  for ${environments.join(", ")}`;
  return `${path}  ${type} "${name}"${narrowed}`;
}

function changes(change: Readonly<Record<string, Changed>>): string {
  return Object.entries(change)
    .map(([field, value]) => `${snakeCase(field)}: ${written(value)}`)
    .join(", ");
}

type Changed = string | number | boolean | readonly string[] | null;

function written(value: Changed): string {
  if (value === null) return "none";
  return typeof value === "object" ? value.join(" ") : String(value);
}

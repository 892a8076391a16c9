import { links, type ProjectAt } from "../data/links.js";
import { organizationName, projectOf } from "../data/tenancy.js";
import type { Crumb } from "./page.js";

/** The way to a screen of an organization. Names stand for slugs as soon as they are known. */
export function organizationCrumbs(org: string): readonly Crumb[] {
  return [{ label: organizationName(org), href: links.organization(org) }];
}

/** The way to a screen of a project. */
export function projectCrumbs(at: ProjectAt): readonly Crumb[] {
  return [...organizationCrumbs(at.org), { label: projectOf(at)?.name ?? at.project, href: links.project(at) }];
}

/** The way to a screen about versions of an environment. */
export function versionsCrumbs(at: ProjectAt, env: string): readonly Crumb[] {
  return [...projectCrumbs(at), { label: `Versions of ${env}`, href: links.versions(at, { env }) }];
}

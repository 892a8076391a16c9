import type { ActualOrganization } from "./provision-target.js";

/** What is there, with names as new ones are kept (NFC), so that a declared name finds one that is older than this rule. */
export function inOneForm(organizations: readonly ActualOrganization[]): readonly ActualOrganization[] {
  return organizations.map(({ contents, ...organization }) => ({
    ...named(organization),
    contents: contents && { ...contents, projects: contents.projects.map(named), tokens: contents.tokens.map(named) },
  }));
}

function named<T extends { readonly name: string | null }>(it: T): T {
  return { ...it, name: it.name?.normalize("NFC") ?? null };
}

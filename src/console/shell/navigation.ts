import { links, type ProjectAt } from "../data/links.js";

/** An entry of the navigation. */
export interface NavigationLink {
  readonly label: string;
  readonly href: string;
  /** The second key after `g`. */
  readonly key: string;
}

/** Entries under a heading. */
export interface NavigationGroup {
  /** What the heading names: a project and its organization are often called the same. */
  readonly kind?: "Project" | "Organization";
  readonly heading: string;
  readonly links: readonly NavigationLink[];
}

/** What may be seen. */
export interface NavigationFacts {
  readonly org: string | undefined;
  readonly orgName: string;
  readonly at: ProjectAt | undefined;
  readonly projectName: string;
  /** An admin of the operator's organization. */
  readonly isOperator: boolean;
  /** An admin. */
  readonly isAdmin: boolean;
}

/** The navigation: the project that is looked at, its organization, the server. */
export function navigationOf(facts: NavigationFacts): readonly NavigationGroup[] {
  const { org, orgName, at, projectName, isOperator, isAdmin } = facts;
  const groups: NavigationGroup[] = [];
  if (at !== undefined) {
    groups.push({
      kind: "Project",
      heading: projectName,
      links: [
        { label: "Lanes", href: links.project(at), key: "l" },
        { label: "Versions", href: links.versions(at), key: "v" },
        { label: "Pipelines", href: links.pipelines(at), key: "i" },
        { label: "Fleet", href: links.fleet(at), key: "f" },
        { label: "Deployments", href: links.deployments(at), key: "d" },
        { label: "Settings", href: links.settings(at), key: "s" },
      ],
    });
  }
  if (org !== undefined) {
    groups.push({
      kind: "Organization",
      heading: orgName,
      links: [
        { label: "Projects", href: links.organization(org), key: "p" },
        { label: "All runtimes", href: links.fleet(org), key: "r" },
        { label: "Audit", href: links.audit(org), key: "a" },
        { label: "Webhooks", href: links.webhooks(org), key: "w" },
        ...(isAdmin ? [{ label: "Tokens", href: links.tokens(org), key: "t" }] : []),
      ],
    });
  }
  groups.push({
    heading: "Server",
    links: [
      ...(isOperator ? [{ label: "Organizations", href: links.organizations(), key: "o" }] : []),
      { label: "Keys", href: links.keys(), key: "k" },
      ...(isOperator ? [{ label: "System", href: links.system(), key: "y" }] : []),
    ],
  });
  return groups;
}

/** What is about versions and is not below them in the URL. */
const ABOUT_VERSIONS = /\/(?:envs\/[^/]+\/(?:versions|publish)|compare)(?:\/.*)?$/;

/** The entry that a URL belongs to: the longest one that it begins with. */
export function currentLink(groups: readonly NavigationGroup[], url: string): string | undefined {
  const path = url.replace(ABOUT_VERSIONS, "/versions");
  const hrefs = groups.flatMap((group) => group.links.map(({ href }) => href));
  const within = hrefs.filter((href) => path === href || path.startsWith(`${href.replace(/\/$/, "")}/`));
  return within.sort((a, b) => b.length - a.length)[0];
}

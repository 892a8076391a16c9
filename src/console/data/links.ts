/** A project as URLs name it: slugs. */
export interface ProjectAt {
  readonly org: string;
  readonly project: string;
}

/** The project that the route of a screen names. */
export function projectAt(params: Readonly<Record<string, string | undefined>>): ProjectAt {
  return { org: params["org"] ?? "", project: params["project"] ?? "" };
}

/** Parameters of a query: what is undefined or empty is left out. */
export type Query = Readonly<Record<string, string | number | undefined>>;

/** The path of the console with a slash at its end, for example `/console/`; behind a proxy with its prefix. */
export const BASE = new URL(document.baseURI).pathname;

/** The URL of the API's root, without a slash at its end. */
export const API_URL = new URL("..", document.baseURI).href.replace(/\/$/, "");

function path(segments: readonly string[], query: Query = {}): string {
  const params = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== "") params.set(name, String(value));
  }
  const text = params.toString();
  return BASE + segments.map(encodeURIComponent).join("/") + (text === "" ? "" : `?${text}`);
}

const inOrganization = (org: string, rest: readonly string[], query?: Query) => path(["orgs", org, ...rest], query);
const inProject = ({ org, project }: ProjectAt, rest: readonly string[], query?: Query) =>
  path(["orgs", org, "projects", project, ...rest], query);

/** The URLs of the console's screens, which are like those of the API; nothing else makes one. */
export const links = {
  home: () => BASE,
  /** First publish. */
  start: (query?: Query) => path(["start"], query),
  organizations: () => path(["orgs"]),
  organization: (org: string) => inOrganization(org, []),
  /** The lanes of a project. */
  project: (at: ProjectAt, query?: Query) => inProject(at, [], query),
  versions: (at: ProjectAt, query?: Query) => inProject(at, ["versions"], query),
  version: (at: ProjectAt, env: string, version: number) => inProject(at, ["envs", env, "versions", String(version)]),
  publish: (at: ProjectAt, env: string) => inProject(at, ["envs", env, "publish"]),
  /** `from` and `to` name a version of an environment: `dev@12`. */
  compare: (at: ProjectAt, query: Query & { readonly from: string; readonly to: string }) =>
    inProject(at, ["compare"], query),
  pipelines: (at: ProjectAt) => inProject(at, ["pipelines"]),
  pipeline: (at: ProjectAt, id: string) => inProject(at, ["pipelines", id]),
  fleet: (at: ProjectAt | string, query?: Query) =>
    typeof at === "string" ? inOrganization(at, ["fleet"], query) : inProject(at, ["fleet"], query),
  deployments: (at: ProjectAt, query?: Query) => inProject(at, ["deployments"], query),
  settings: (at: ProjectAt, query?: Query) => inProject(at, ["settings"], query),
  audit: (org: string, query?: Query) => inOrganization(org, ["audit"], query),
  webhooks: (org: string) => inOrganization(org, ["webhooks"]),
  webhook: (org: string, id: string, query?: Query) => inOrganization(org, ["webhooks", id], query),
  tokens: (org: string, query?: Query) => inOrganization(org, ["tokens"], query),
  keys: () => path(["keys"]),
  system: () => path(["system"]),
  /** The reference of the API, beside the console. */
  docs: (page = "") => `${API_URL}/docs${page === "" ? "" : `/${page}`}`,
} as const;

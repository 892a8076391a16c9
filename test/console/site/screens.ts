import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Site } from "./site.js";

/** What the paths of screens name. */
export type ScreenSite = Pick<Site, "payments" | "guardrails" | "pipelineId" | "webhookIds">;

/** Each route of src/console/app.tsx, and a path of it on a site. */
export const PATHS: Readonly<Record<string, (site: ScreenSite) => string>> = {
  "": () => "",
  start: () => "start",
  orgs: () => "orgs",
  keys: () => "keys",
  system: () => "system",
  "orgs/:org": (site) => organization(site),
  "orgs/:org/fleet": (site) => `${organization(site)}/fleet`,
  "orgs/:org/audit": (site) => `${organization(site)}/audit`,
  "orgs/:org/tokens": (site) => `${organization(site)}/tokens`,
  "orgs/:org/webhooks": (site) => `${organization(site)}/webhooks`,
  "orgs/:org/webhooks/:webhook": (site) => `${organization(site)}/webhooks/${site.webhookIds[1]}`,
  "orgs/:org/projects/:project": (site) => project(site),
  "orgs/:org/projects/:project/versions": (site) => `${project(site)}/versions?env=dev`,
  "orgs/:org/projects/:project/envs/:env/versions/:version": (site) => `${project(site)}/envs/dev/versions/3`,
  "orgs/:org/projects/:project/envs/:env/publish": (site) => `${project(site)}/envs/dev/publish`,
  "orgs/:org/projects/:project/compare": (site) => `${project(site)}/compare?from=dev@1&to=dev@3`,
  "orgs/:org/projects/:project/pipelines": (site) => `${guardrails(site)}/pipelines`,
  "orgs/:org/projects/:project/pipelines/:pipeline": (site) => `${guardrails(site)}/pipelines/${site.pipelineId}`,
  "orgs/:org/projects/:project/fleet": (site) => `${project(site)}/fleet`,
  "orgs/:org/projects/:project/deployments": (site) => `${project(site)}/deployments`,
  "orgs/:org/projects/:project/settings": (site) => `${project(site)}/settings`,
};

const organization = ({ payments }: ScreenSite) => `orgs/${payments.org}`;
const project = ({ payments }: ScreenSite) => `orgs/${payments.org}/projects/${payments.project}`;
const guardrails = ({ guardrails: at }: ScreenSite) => `orgs/${at.org}/projects/${at.project}`;

/** The paths that the console's router knows. */
export const ROUTES: readonly string[] = routes();

function routes(): string[] {
  const source = readFileSync(join(import.meta.dirname, "../../../src/console/app.tsx"), "utf8");
  const project = /const PROJECT = "([^"]*)"/.exec(source)?.[1] ?? "";
  const [, table = ""] = /const SCREENS[^=]*= \[([^]*?)\n\];/.exec(source) ?? [];
  return [...table.matchAll(/^ {2}\[\s*["`]?([^"`,]*)["`]?,/gm)].map(([, path = ""]) =>
    path.replace(/^\$\{PROJECT\}|^PROJECT$/, project),
  );
}

import { useLocation } from "preact-iso/router";
import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import { projectOf, tenancy } from "../data/tenancy.js";
import { Button } from "../elements/button.js";
import { Icon } from "../elements/icon.js";
import { Menu, type MenuItem } from "../elements/menu.js";
import { BASE, links, type ProjectAt } from "../data/links.js";
import { can, signOut, who } from "../data/session.js";
import { announcement } from "../data/announce.js";
import { listenForKeys, useCommands } from "../data/commands.js";
import { LiveDot } from "./live-dot.js";
import { currentLink, navigationOf } from "./navigation.js";
import { KeysHelp, Palette } from "./palette.js";
import { theme, timeZone } from "../data/preferences.js";

/** What stands around every screen: navigation, the state of the stream, who is signed in, and the palette. */
export function Frame({ children }: { readonly children: ComponentChildren }) {
  const [open, setOpen] = useState<"palette" | "help" | undefined>();
  const [isNavigationOpen, setNavigationOpen] = useState(false);
  const { path, route } = useLocation();
  const at = placeOf(path);
  const organization = tenancy.value?.organization;
  const groups = navigationOf({
    org: organization?.slug,
    orgName: organization?.name ?? "",
    at,
    projectName: (at && projectOf(at)?.name) ?? at?.project ?? "",
    isOperator: who.value?.operator ?? false,
    isAdmin: can("org:admin"),
  });
  const current = currentLink(groups, path);
  useEffect(() => listenForKeys({ palette: () => setOpen("palette"), help: () => setOpen("help") }), []);
  useEffect(() => setNavigationOpen(false), [path]);
  const offered = groups.flatMap(({ heading, links: entries }) =>
    entries.map(({ label, href, key }) => ({
      id: href,
      label: `${label} (${heading})`,
      keys: `g ${key}`,
      run: () => route(href),
    })),
  );
  useCommands(offered, JSON.stringify(offered));
  return (
    <div class="frame">
      <a class="skip-link" href="#main">
        Skip to content
      </a>
      <header class="top">
        <Button
          kind="quiet"
          icon="menu"
          class="top-menu"
          aria-label="Navigation"
          aria-expanded={isNavigationOpen}
          aria-controls="navigation"
          onClick={() => setNavigationOpen(!isNavigationOpen)}
        />
        <a class="brand" href={links.home()} aria-label="Signet, home">
          <svg viewBox="0 0 32 32" aria-hidden="true">
            <circle cx="16" cy="16" r="14" />
            <path d="M10.5 16.4l3.9 3.9 7.4-8.2" />
          </svg>
          <span>Signet</span>
        </a>
        <ProjectMenu at={at} />
        <div class="top-end">
          <LiveDot />
          <button type="button" class="button button-plain top-search" onClick={() => setOpen("palette")}>
            <Icon name="search" />
            <span>Go to…</span>
            <kbd>Ctrl K</kbd>
          </button>
          <UserMenu />
        </div>
      </header>
      <nav id="navigation" class={isNavigationOpen ? "side side-open" : "side"} aria-label="Screens">
        {groups.map(({ kind = "", heading, links: entries }) => (
          <section key={`${kind} ${heading}`}>
            <h2>
              {kind !== "" && <span>{kind} </span>}
              <bdi>{heading}</bdi>
            </h2>
            <ul>
              {entries.map(({ label, href }) => (
                <li key={href}>
                  <a href={href} aria-current={href === current ? "page" : undefined}>
                    {label}
                  </a>
                </li>
              ))}
            </ul>
          </section>
        ))}
        <section>
          <ul>
            <li>
              <a href={links.docs("start")} target="_blank" rel="noreferrer">
                Documentation <Icon name="out" />
                <span class="visually-hidden">(new tab)</span>
              </a>
            </li>
          </ul>
        </section>
      </nav>
      <main id="main" tabIndex={-1}>
        {children}
      </main>
      <div class="visually-hidden" role="status" aria-live="polite">
        {announcement.value}
      </div>
      {open === "palette" && <Palette onClose={() => setOpen(undefined)} />}
      {open === "help" && <KeysHelp onClose={() => setOpen(undefined)} />}
    </div>
  );
}

/** The project of a URL. */
function placeOf(path: string): ProjectAt | undefined {
  const [orgs, org, projects, project] = path.slice(BASE.length).split("/").map(decodeURIComponent);
  if (orgs !== "orgs" || projects !== "projects" || org === undefined || project === undefined) return undefined;
  return { org, project };
}

function ProjectMenu({ at }: { readonly at: ProjectAt | undefined }) {
  const known = tenancy.value;
  if (known === undefined) return null;
  const { organization, projects } = known;
  const items: MenuItem[] = projects.slice(0, 30).map(({ slug, name }) => ({
    label: name,
    href: links.project({ org: organization.slug, project: slug }),
  }));
  const label = (at && projectOf(at)?.name) ?? "Choose a project";
  return (
    <Menu label={label} items={[...items, { label: "All projects", href: links.organization(organization.slug) }]} />
  );
}

function UserMenu() {
  const caller = who.value;
  if (caller === undefined) return null;
  const next = { system: "light", light: "dark", dark: "system" } as const;
  const items: MenuItem[] = [
    { label: `Theme: ${theme.value}`, icon: "sun", onSelect: () => (theme.value = next[theme.value]) },
    {
      label: timeZone.value === "utc" ? "Times: UTC" : "Times: local",
      icon: "clock",
      onSelect: () => (timeZone.value = timeZone.value === "utc" ? "local" : "utc"),
    },
    { label: "Sign out", icon: "out", onSelect: () => void signOut() },
  ];
  return (
    <Menu
      label="Account and preferences"
      icon="user"
      items={items}
      header={
        <p class="menu-header">
          <bdi>{caller.name ?? caller.keyPrefix}</bdi>
          <small>{caller.keyType} token</small>
        </p>
      }
    />
  );
}

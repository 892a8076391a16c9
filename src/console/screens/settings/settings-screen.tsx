import { useRoute } from "preact-iso/router";
import { links, type ProjectAt } from "../../data/links.js";
import { projectOf, tenancy } from "../../data/tenancy.js";
import { Tabs } from "../../elements/tabs.js";
import { useQuery } from "../../elements/use-query.js";
import { Page } from "../../shell/page.js";
import { EnvironmentsTab } from "./environments-tab.js";
import { SchemaTab } from "./schema-tab.js";
import { TrustTab } from "./trust-tab.js";

const TABS = [
  ["", "Environments"],
  ["schema", "Policy schema"],
  ["trust", "Trust"],
] as const;

/** The settings of a project: its environments, the schema of its policies, what its runtimes can prove. */
export function SettingsScreen() {
  const { params } = useRoute();
  const at: ProjectAt = { org: params["org"] ?? "", project: params["project"] ?? "" };
  const [query] = useQuery();
  const tab = query["tab"] ?? "";
  const crumbs = [
    { label: tenancy.value?.organization.name ?? at.org, href: links.organization(at.org) },
    { label: projectOf(at)?.name ?? at.project, href: links.project(at) },
  ];
  return (
    <Page title="Settings" crumbs={crumbs}>
      <Tabs
        label="Settings"
        tabs={TABS.map(([name, label]) => ({
          label,
          href: links.settings(at) + (name === "" ? "" : `?tab=${name}`),
          isCurrent: tab === name,
        }))}
      />
      {tab === "schema" ? (
        <SchemaTab key={at.project} at={at} />
      ) : tab === "trust" ? (
        <TrustTab key={at.project} at={at} />
      ) : (
        <EnvironmentsTab key={at.project} at={at} />
      )}
    </Page>
  );
}

import { useRoute } from "preact-iso/router";
import { links, projectAt } from "../../data/links.js";
import { Tabs } from "../../elements/tabs.js";
import { useQuery } from "../../elements/use-query.js";
import { projectCrumbs } from "../../shell/crumbs.js";
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
  const at = projectAt(params);
  const [query] = useQuery();
  const tab = query["tab"] ?? "";
  return (
    <Page title="Settings" crumbs={projectCrumbs(at)}>
      <Tabs
        label="Settings"
        tabs={TABS.map(([name, label]) => ({
          label,
          href: links.settings(at, { tab: name }),
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

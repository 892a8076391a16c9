import { useRoute } from "preact-iso/router";
import { client } from "../../data/client.js";
import { links, type ProjectAt } from "../../data/links.js";
import { can } from "../../data/session.js";
import { projectOf, tenancy } from "../../data/tenancy.js";
import { useCall } from "../../data/use-call.js";
import { Empty, Loaded } from "../../elements/states.js";
import { Page } from "../../shell/page.js";
import { Writing } from "./writing.js";

/** Writes a policy document and publishes it to an environment. */
export function PublishScreen() {
  const { params } = useRoute();
  const at: ProjectAt = { org: params["org"] ?? "", project: params["project"] ?? "" };
  const env = params["env"] ?? "";
  const project = projectOf(at);
  const environment = useCall(
    (signal) => client.organizations.getEnvironment({ orgId: at.org, projectId: at.project, envName: env }, { signal }),
    [at, env],
    { refreshOn: ["activations", "environments"] },
  );
  return (
    <Page
      title={`Publish to ${env}`}
      crumbs={[
        { label: tenancy.value?.organization.name ?? at.org, href: links.organization(at.org) },
        { label: project?.name ?? at.project, href: links.project(at) },
        { label: `Versions of ${env}`, href: links.versions(at, { env }) },
      ]}
    >
      <Loaded call={environment} lines={12}>
        {(value) =>
          can("bundle:publish") ? (
            <Writing key={env} at={at} environment={value} />
          ) : (
            <Empty title="Your token may not publish" text="Sign in with an admin or a CI token." />
          )
        }
      </Loaded>
    </Page>
  );
}

import { useRoute } from "preact-iso/router";
import { client } from "../../data/client.js";
import { projectAt } from "../../data/links.js";
import { can } from "../../data/session.js";
import { useCall } from "../../data/use-call.js";
import { Empty, Loaded } from "../../elements/states.js";
import { versionsCrumbs } from "../../shell/crumbs.js";
import { Page } from "../../shell/page.js";
import { Writing } from "./writing.js";

/** Writes a policy document and publishes it to an environment. */
export function PublishScreen() {
  const { params } = useRoute();
  const at = projectAt(params);
  const env = params["env"] ?? "";
  const environment = useCall(
    (signal) => client.organizations.getEnvironment({ orgId: at.org, projectId: at.project, envName: env }, { signal }),
    [at, env],
    { refreshOn: ["activations", "environments"] },
  );
  return (
    <Page title={`Publish to ${env}`} crumbs={versionsCrumbs(at, env)}>
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

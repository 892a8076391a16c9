import { useRoute } from "preact-iso/router";
import { client } from "../../data/client.js";
import { links, projectAt, type ProjectAt } from "../../data/links.js";
import { can } from "../../data/session.js";
import { projectOf } from "../../data/tenancy.js";
import { useCall } from "../../data/use-call.js";
import { LinkButton } from "../../elements/button.js";
import { Empty, Loaded } from "../../elements/states.js";
import { Name, Status } from "../../elements/text.js";
import { versionsCrumbs } from "../../shell/crumbs.js";
import { Page } from "../../shell/page.js";
import { formatSide } from "../compare/side.js";
import type { Bundle } from "../../../../gen/signet/v1/bundle_pb.js";
import { Activations } from "./activations.js";
import { CommandsCard } from "./commands-card.js";
import { DocumentText } from "./document-text.js";
import { Facts } from "./facts.js";
import { SchemaCard } from "./schema-card.js";
import { VerifyCard } from "./verify-card.js";

/** One version: its document, who signed it, when it was active. */
export function DocumentScreen() {
  const { params } = useRoute();
  const at = projectAt(params);
  const env = params["env"] ?? "";
  const version = /^[1-9]\d{0,9}$/.test(params["version"] ?? "") ? Number(params["version"]) : 0;
  const path = { orgId: at.org, projectId: at.project, envName: env };
  const bundle = useCall(
    // The list has what is known of a version without its policies, which are in the document.
    async (signal) => {
      const { bundles } = await client.bundles.listBundles(
        { ...path, limit: 1, beforeVersion: version + 1 },
        { signal },
      );
      const [found] = bundles;
      return found?.version === version ? found : null;
    },
    [path, version],
    { refreshOn: ["activations"] },
  );
  const document = useCall(
    (signal) => client.bundles.getBundleDocument({ ...path, version }, { signal }),
    bundle.value === null || version === 0 ? null : [path, version],
  );
  const found = bundle.value ?? undefined;
  return (
    <Page
      title={`${env} v${version}`}
      crumbs={versionsCrumbs(at, env)}
      lead={found !== undefined && <Lead bundle={found} />}
      actions={found !== undefined && <Actions at={at} env={env} bundle={found} active={activeOf(at, env)} />}
    >
      <Loaded call={bundle} lines={10}>
        {(value) =>
          value === null ? (
            <Empty
              title={`${env} keeps no version ${version}`}
              text="It was deleted, or never published."
              action={<LinkButton href={links.versions(at, { env })}>All versions of {env}</LinkButton>}
            />
          ) : (
            <div class="document">
              <div class="document-main">
                <Loaded call={document} lines={12}>
                  {({ document: text }) => (
                    <DocumentText
                      document={text}
                      fileName={`${at.project}-${env}-v${version}.json`}
                      mediaType={value.mediaType}
                    />
                  )}
                </Loaded>
              </div>
              <div class="document-side stack">
                {document.value !== undefined && (
                  <VerifyCard at={at} env={env} document={document.value.document} deploymentId={value.deploymentId} />
                )}
                <Facts at={at} env={env} bundle={value} />
                <Activations at={at} env={env} version={version} />
                {document.value !== undefined && can("bundle:publish") && (
                  <SchemaCard at={at} env={env} document={document.value.document} mediaType={value.mediaType} />
                )}
                <CommandsCard at={at} env={env} version={version} mediaType={value.mediaType} />
              </div>
            </div>
          )
        }
      </Loaded>
    </Page>
  );
}

function activeOf(at: ProjectAt, env: string): number | undefined {
  return projectOf(at)?.environments.find(({ name }) => name === env)?.activeVersion;
}

function Lead({ bundle: { title, isActive } }: { readonly bundle: Bundle }) {
  return (
    <>
      {isActive && <Status tone="good" text="Active" />} {title !== undefined && <Name text={title} />}
    </>
  );
}

interface ActionsProps {
  readonly at: ProjectAt;
  readonly env: string;
  readonly bundle: Bundle;
  readonly active: number | undefined;
}

function Actions({ at, env, bundle: { version, isActive }, active }: ActionsProps) {
  const here = formatSide({ env, version });
  return (
    <>
      {active !== undefined && !isActive && (
        <LinkButton href={links.compare(at, { from: formatSide({ env, version: active }), to: here })}>
          Compare with v{active}
        </LinkButton>
      )}
      {!isActive && can("bundle:publish") && (
        <LinkButton kind="primary" href={links.project(at, { activate: here })}>
          Activate…
        </LinkButton>
      )}
      {isActive && can("bundle:publish") && <LinkButton href={links.publish(at, env)}>Publish a change</LinkButton>}
    </>
  );
}

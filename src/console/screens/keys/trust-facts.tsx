import type { KeyRotation, KeyTrust, RootNaming } from "../../../../gen/signet/v1/key_pb.js";
import { DataTable } from "../../elements/data-table.js";
import { Name, Status } from "../../elements/text.js";
import { Time } from "../../elements/time.js";

/** Whether the announced key can be made the current one without harm: all live instances trust it, or all roots name it. */
export function isReady({ purpose, trust, otherOrganizations, roots, otherRoots }: KeyRotation): boolean {
  if (purpose === "attestation") return [roots, otherRoots].every((it) => it === undefined || it.notNaming === 0);
  return [trust, otherOrganizations].every((it) => it === undefined || it.trusting === it.live);
}

/** How far runtimes, or roots, are with the announced key. */
export function TrustFacts({ rotation }: { readonly rotation: KeyRotation }) {
  const { purpose, trust, otherOrganizations, roots, otherRoots, instances, projects } = rotation;
  return (
    <div class="stack">
      <dl class="facts">
        {purpose === "attestation" ? (
          <>
            {roots !== undefined && <RootFact label="Projects with a root" naming={roots} />}
            {otherRoots !== undefined && <RootFact label="Of other organizations" naming={otherRoots} />}
          </>
        ) : (
          <>
            {trust !== undefined && <TrustFact label="Live runtimes" trust={trust} />}
            {otherOrganizations !== undefined && (
              <TrustFact label="Of other organizations" trust={otherOrganizations} />
            )}
          </>
        )}
      </dl>
      {instances.length > 0 && (
        <DataTable
          caption="Live runtimes that do not trust the announced key, or did not say"
          rows={instances}
          keyOf={({ projectId, environment, instanceId, keyPrefix }) =>
            [projectId, environment, instanceId, keyPrefix].join(" ")
          }
          columns={[
            { header: "Runtime", isRowHeader: true, cell: ({ instanceId }) => <Name text={instanceId} /> },
            { header: "Environment", cell: ({ environment }) => <Name text={environment} /> },
            {
              header: "Trusts",
              cell: ({ trustedKeyIds }) =>
                trustedKeyIds.length === 0 ? "did not say" : <code>{trustedKeyIds.join(" ")}</code>,
            },
            { header: "Needs", cell: ({ keyId }) => <code>{keyId}</code>, isMinor: true },
            { header: "Last seen", cell: ({ lastSeen }) => <Time at={lastSeen} />, isMinor: true },
          ]}
        />
      )}
      {projects.length > 0 && (
        <DataTable
          caption="Projects whose newest root does not name the announced key"
          rows={projects}
          keyOf={({ projectId }) => projectId}
          columns={[
            { header: "Project", isRowHeader: true, cell: ({ project }) => <Name text={project} /> },
            { header: "Root", cell: ({ rootVersion }) => String(rootVersion), isNumber: true },
            { header: "Problem", cell: ({ reason }) => <Name text={reason} /> },
          ]}
        />
      )}
    </div>
  );
}

function TrustFact({ label, trust }: { readonly label: string; readonly trust: KeyTrust }) {
  const { live, trusting, notTrusting, unknown } = trust;
  return (
    <>
      <dt>{label}</dt>
      <dd>
        <Status
          tone={trusting === live ? "good" : "warn"}
          text={`${trusting} of ${live} trust it, ${notTrusting} do not, ${unknown} did not say`}
        />
      </dd>
    </>
  );
}

function RootFact({ label, naming }: { readonly label: string; readonly naming: RootNaming }) {
  return (
    <>
      <dt>{label}</dt>
      <dd>
        <Status
          tone={naming.notNaming === 0 ? "good" : "warn"}
          text={`${naming.naming} name it, ${naming.notNaming} do not`}
        />
      </dd>
    </>
  );
}

import type { EnvironmentTrust, ProjectRoot, ProjectTrust, RoleRule } from "../../../../gen/signet/v1/trust_pb.js";
import { fullClient } from "../../data/full-client.js";
import type { ProjectAt } from "../../data/links.js";
import { useCall } from "../../data/use-call.js";
import { DataTable, type Column } from "../../elements/data-table.js";
import { Icon } from "../../elements/icon.js";
import { Empty, Loaded } from "../../elements/states.js";
import { Hash, Name, Status } from "../../elements/text.js";
import { Time } from "../../elements/time.js";
import { Releases } from "./releases.js";

/** What each refusal of runtimes means. */
const PROBLEMS: Readonly<Record<string, string>> = {
  release_missing: "its authors did not release it",
  release_expired: "its release has expired",
  revoked: "it was revoked",
};

/** What runtimes of a project can prove: the root, the rules of each environment, the releases. */
export function TrustTab({ at }: { readonly at: ProjectAt }) {
  const path = { orgId: at.org, projectId: at.project };
  const call = useCall((signal) => fullClient.trust.getTrust(path, { signal }), ["trust", at.org, at.project], {
    refreshOn: ["environments", "activations"],
  });
  return (
    <Loaded call={call} lines={8}>
      {(trust) => (
        <div class="stack">
          <Warnings texts={trust.warnings} />
          {trust.root === undefined ? (
            <Empty
              title="No root"
              text="Runtimes verify the server's signature and the order of what they get. With a root they also know by whom it must be released, what is the newest, and until when."
              command={`signet trust init --project ${at.project}`}
            />
          ) : (
            <Root root={trust.root} />
          )}
          {trust.root !== undefined && <Environments trust={trust} />}
          <ServerKeys trust={trust} />
          {trust.root !== undefined && <Releases at={at} />}
        </div>
      )}
    </Loaded>
  );
}

function Warnings({ texts }: { readonly texts: readonly string[] }) {
  if (texts.length === 0) return null;
  return (
    <div class="note note-warn" role="status">
      <Icon name="warning" />
      <ul class="note-text">
        {texts.map((text) => (
          <li key={text}>
            <bdi>{text}</bdi>
          </li>
        ))}
      </ul>
    </div>
  );
}

function Root({ root }: { readonly root: ProjectRoot }) {
  const names = new Map(root.keys.map(({ keyId, name }) => [keyId, name ?? keyId.slice(0, 16)]));
  const roles: readonly (readonly [role: string, rule: RoleRule | undefined])[] = [
    ["The next root", root.root],
    ["Activations", root.activation],
    ["Leases", root.lease],
    ["Releases", root.release],
  ];
  return (
    <section class="stack" aria-labelledby="trust-root">
      <h2 id="trust-root">Root {root.version}</h2>
      <dl class="facts card">
        <dt>Expires</dt>
        <dd>
          <Time at={root.expiresAt} />
        </dd>
        <dt>Published</dt>
        <dd>
          <Time at={root.publishedAt} /> by <code>{root.publishedBy}</code>
        </dd>
        <dt>Rollback</dt>
        <dd>
          {root.rollback === "release"
            ? "only forward, by the numbers of releases"
            : "the server may go back to any content that was released"}
        </dd>
        <dt>Revoked</dt>
        <dd>{root.revoked.length === 0 ? "nothing" : `${root.revoked.length} digests`}</dd>
        <dt>Signed by</dt>
        <dd>
          <KeyNames ids={root.signedBy} names={names} />
        </dd>
        <dt>Digest</dt>
        <dd>
          <Hash value={root.digest} length={16} />
        </dd>
      </dl>
      <DataTable
        caption="Who must sign what"
        columns={[
          { header: "Signs", isRowHeader: true, cell: ([role]) => role },
          {
            header: "Signatures",
            cell: ([, rule]) =>
              (rule?.threshold ?? 0) === 0 ? (
                <span class="muted">none asked for</span>
              ) : (
                `${rule?.threshold ?? 0} of ${rule?.keyIds.length ?? 0}`
              ),
          },
          { header: "Keys", cell: ([, rule]) => <KeyNames ids={rule?.keyIds ?? []} names={names} /> },
        ]}
        rows={roles}
        keyOf={([role]) => role}
      />
    </section>
  );
}

function KeyNames({ ids, names }: { readonly ids: readonly string[]; readonly names: ReadonlyMap<string, string> }) {
  if (ids.length === 0) return <span class="muted">–</span>;
  return (
    <ul class="row">
      {ids.map((id) => (
        <li key={id} title={id}>
          <span class="tag">
            <Name text={names.get(id) ?? id.slice(0, 16)} />
          </span>
        </li>
      ))}
    </ul>
  );
}

function Environments({ trust }: { readonly trust: ProjectTrust }) {
  const columns: readonly Column<EnvironmentTrust>[] = [
    { header: "Environment", isRowHeader: true, cell: ({ environment }) => environment },
    {
      header: "Release needs",
      cell: ({ releaseThreshold, releaseKeyIds }) =>
        releaseThreshold === 0 ? (
          <span class="muted">no release</span>
        ) : (
          `${releaseThreshold} of ${releaseKeyIds.length} authors`
        ),
    },
    {
      header: "What is active",
      cell: ({ sequence, problem }) =>
        sequence === undefined ? (
          <Status tone="neutral" text="nothing" />
        ) : problem === undefined ? (
          <Status tone="good" text="accepted by runtimes" />
        ) : (
          <Status tone="bad" text={`refused by runtimes: ${PROBLEMS[problem] ?? problem}`} />
        ),
    },
    {
      header: "Release",
      isMinor: true,
      cell: ({ releaseDigest }) =>
        releaseDigest === undefined ? <span class="muted">–</span> : <Hash value={releaseDigest} />,
    },
    { header: "Release ends", isMinor: true, cell: ({ releaseExpiresAt }) => <Time at={releaseExpiresAt} /> },
  ];
  return (
    <section class="stack" aria-labelledby="trust-environments">
      <h2 id="trust-environments">Environments</h2>
      <DataTable
        caption="How each environment stands under the root"
        columns={columns}
        rows={trust.environments}
        keyOf={({ environment }) => environment}
      />
    </section>
  );
}

function ServerKeys({ trust }: { readonly trust: ProjectTrust }) {
  return (
    <section class="stack" aria-labelledby="trust-server-keys">
      <h2 id="trust-server-keys">Keys of the server</h2>
      <p class="muted">With these it signs activations and leases; the first one is current. A root names them.</p>
      <ul class="stack">
        {trust.serverKeys.map(({ keyId, name }) => (
          <li key={keyId}>
            <code class="name">{keyId}</code> {name !== undefined && <Name text={name} />}
          </li>
        ))}
      </ul>
    </section>
  );
}

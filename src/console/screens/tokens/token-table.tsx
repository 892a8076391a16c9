import type { Project } from "../../../../gen/signet/v1/organization_pb.js";
import type { Token } from "../../../../gen/signet/v1/token_pb.js";
import { DataTable } from "../../elements/data-table.js";
import { Menu } from "../../elements/menu.js";
import { Name, Status, Tag } from "../../elements/text.js";
import { Time } from "../../elements/time.js";
import { placeOf, stateOf, titleOf } from "./token-facts.js";

interface TokenTableProps {
  readonly tokens: readonly Token[];
  readonly projects: readonly Project[];
  /** The id of the token that is signed in. */
  readonly ownId: number | undefined;
  readonly onRotate: (token: Token) => void;
  readonly onRevoke: (token: Token) => void;
}

/** Tokens with what they may do and how long. */
export function TokenTable({ tokens, projects, ownId, onRotate, onRevoke }: TokenTableProps) {
  const nowMs = Date.now();
  return (
    <DataTable
      caption="Tokens"
      rows={tokens}
      keyOf={({ id }) => id}
      columns={[
        {
          header: "Token",
          isRowHeader: true,
          cell: (token) => (
            <span class="token-name">
              <Name text={titleOf(token)} />
              {token.id === ownId && <Tag>you</Tag>}
              <small class="muted">
                <code>{token.keyPrefix}</code> · id {token.id}
              </small>
            </span>
          ),
        },
        { header: "Type", cell: ({ keyType }) => <Type type={keyType} />, isMinor: true },
        { header: "Where", cell: (token) => <Place token={token} projects={projects} />, isMinor: true },
        { header: "May", cell: ({ scopes }) => <span class="token-scopes">{scopes.join(", ")}</span>, isMinor: true },
        { header: "State", cell: (token) => <State token={token} nowMs={nowMs} /> },
        { header: "Last used", cell: ({ lastUsedAt }) => <LastUse at={lastUsedAt} />, isMinor: true },
        { header: "Created", cell: ({ createdAt }) => <Time at={createdAt} />, isMinor: true },
        {
          header: "Actions",
          cell: (token) =>
            stateOf(token, nowMs) === "ended" ? null : (
              <Menu
                label={`Actions for ${titleOf(token)}`}
                icon="more"
                items={[
                  { label: "Rotate…", icon: "refresh", onSelect: () => onRotate(token) },
                  { label: "Revoke…", icon: "trash", isDanger: true, onSelect: () => onRevoke(token) },
                ]}
              />
            ),
        },
      ]}
    />
  );
}

function Place({ token, projects }: { readonly token: Token; readonly projects: readonly Project[] }) {
  if (token.keyType === "metrics") return <span class="muted">server</span>;
  const { project, environments } = placeOf(token, projects);
  if (project === undefined) return <span class="muted">organization</span>;
  return (
    <>
      <Name text={project} />
      <small class="token-environments muted">
        {environments.length === 0 ? "all environments" : <bdi>{environments.join(", ")}</bdi>}
      </small>
    </>
  );
}

function State({ token, nowMs }: { readonly token: Token; readonly nowMs: number }) {
  const { expiresAt, isActive } = token;
  const state = stateOf(token, nowMs);
  if (state === "ended") {
    // A revoked token may have had an expiry that has passed since; which came first is in the audit.
    return <Status tone="neutral" text={isActive ? "Expired" : "Revoked or expired"} icon="cross" />;
  }
  return (
    <>
      <Status tone={state === "expiring" ? "warn" : "good"} text={state === "expiring" ? "Expires soon" : "Active"} />
      <small class="token-expiry muted">
        {expiresAt === undefined ? "does not expire" : <Expiry at={expiresAt} />}
      </small>
    </>
  );
}

function Expiry({ at }: { readonly at: Token["expiresAt"] }) {
  return (
    <>
      expires <Time at={at} />
    </>
  );
}

function LastUse({ at }: { readonly at: Token["lastUsedAt"] }) {
  return at === undefined ? <span class="muted">never</span> : <Time at={at} />;
}

function Type({ type }: { readonly type: string }) {
  return (
    <span class="token-type">
      <Tag>{type}</Tag>
    </span>
  );
}

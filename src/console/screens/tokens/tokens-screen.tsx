import { useRoute } from "preact-iso/router";
import { useState } from "preact/hooks";
import type { Token } from "../../../../gen/signet/v1/token_pb.js";
import { announce } from "../../data/announce.js";
import { client } from "../../data/client.js";
import { can, who } from "../../data/session.js";
import { tenancy } from "../../data/tenancy.js";
import { useCall } from "../../data/use-call.js";
import { Button } from "../../elements/button.js";
import { Select } from "../../elements/field.js";
import { SearchBox } from "../../elements/search-box.js";
import { Empty, Loaded } from "../../elements/states.js";
import { useQuery } from "../../elements/use-query.js";
import { organizationCrumbs } from "../../shell/crumbs.js";
import { Page } from "../../shell/page.js";
import { CreateDialog } from "./create-dialog.js";
import { RevokeDialog } from "./revoke-dialog.js";
import { RotateDialog } from "./rotate-dialog.js";
import { SecretDialog } from "./secret-dialog.js";
import { filterTokens, TOKEN_TYPES, titleOf } from "./token-facts.js";
import { TokenTable } from "./token-table.js";

/** The newest tokens that the server lists at once. */
const LIMIT = 1_000;

/** What is open over the list. */
type Open =
  | { readonly kind: "create" }
  | { readonly kind: "secret"; readonly title: string; readonly token: Token }
  | { readonly kind: "rotate" | "revoke"; readonly token: Token };

/** The tokens of an organization: listed, created, rotated, revoked. Filters are in the URL. */
export function TokensScreen() {
  const org = useRoute().params["org"] ?? "";
  const [query, set] = useQuery();
  const [open, setOpen] = useState<Open | undefined>();
  const isAdmin = can("org:admin");
  const projects = tenancy.value?.projects ?? [];
  const list = useCall(
    async (signal) => (await client.tokens.listTokens({ orgId: org, limit: LIMIT }, { signal })).tokens,
    isAdmin ? [org] : null,
    { refreshOn: ["audit"] },
  );
  const ownId = who.value?.id;
  const close = () => setOpen(undefined);
  const done = (next: Open | undefined, said: string) => {
    setOpen(next);
    announce(said);
    list.reload();
  };
  const { q = "", type = "", project = "", state = "active" } = query;
  const projectId = project === "" ? undefined : (projects.find(({ slug }) => slug === project)?.id ?? project);
  const isFiltered = q !== "" || type !== "" || project !== "" || state !== "active";
  return (
    <Page
      title="Tokens"
      crumbs={organizationCrumbs(org)}
      lead="What people, CI jobs and runtimes authenticate with."
      actions={
        isAdmin && (
          <Button kind="primary" icon="plus" onClick={() => setOpen({ kind: "create" })}>
            Create token
          </Button>
        )
      }
    >
      {!isAdmin && (
        <Empty
          title="Only admins see tokens"
          text="Sign in with an admin token to list, create, rotate and revoke them."
        />
      )}
      {isAdmin && (
        <>
          <search class="filters">
            <SearchBox
              label="Search tokens"
              placeholder="name, prefix or id"
              value={q}
              onChange={(text) => set({ q: text })}
            />
            <Select
              label="Type"
              value={type}
              options={[["", "All types"], ...TOKEN_TYPES.map(([value, label]) => [value, label] as const)]}
              onChange={(value) => set({ type: value })}
            />
            <Select
              label="Project"
              value={project}
              options={[["", "All projects"], ...projects.map(({ slug, name }) => [slug, name] as const)]}
              onChange={(value) => set({ project: value })}
            />
            <Select
              label="State"
              value={state}
              options={[
                ["active", "Active"],
                ["expiring", "Expires soon"],
                ["ended", "Revoked or expired"],
                ["all", "All"],
              ]}
              onChange={(value) => set({ state: value === "active" ? "" : value })}
            />
            {isFiltered && (
              <Button
                kind="quiet"
                icon="cross"
                onClick={() => set({ q: undefined, type: undefined, project: undefined, state: undefined })}
              >
                Clear
              </Button>
            )}
          </search>
          <Loaded call={list} lines={8}>
            {(tokens) => {
              const shown = filterTokens(tokens, { q, type, projectId, state }, Date.now());
              return shown.length === 0 ? (
                <Empty
                  title={isFiltered ? "No token matches" : "No active token"}
                  text={isFiltered ? "Change or clear the filters." : undefined}
                  command="signet token create --viewer --name alice"
                />
              ) : (
                <>
                  <TokenTable
                    tokens={shown}
                    projects={projects}
                    ownId={ownId}
                    onRotate={(token) => setOpen({ kind: "rotate", token })}
                    onRevoke={(token) => setOpen({ kind: "revoke", token })}
                  />
                  {tokens.length === LIMIT && (
                    <p class="muted">Only the newest {LIMIT} tokens are listed. Older ones: signet token list.</p>
                  )}
                </>
              );
            }}
          </Loaded>
        </>
      )}
      {open?.kind === "create" && (
        <CreateDialog
          org={org}
          projects={projects}
          isOperator={who.value?.operator ?? false}
          first={TOKEN_TYPES.find(([value]) => value === type)?.[0] ?? "viewer"}
          onCreated={(token) => done({ kind: "secret", title: "Token created", token }, "Token created")}
          onClose={close}
        />
      )}
      {open?.kind === "secret" && <SecretDialog title={open.title} token={open.token} onClose={close} />}
      {open?.kind === "rotate" && (
        <RotateDialog
          org={org}
          token={open.token}
          isOwn={open.token.id === ownId}
          onRotated={(token) => done({ kind: "secret", title: "Token rotated", token }, "Token rotated")}
          onClose={close}
        />
      )}
      {open?.kind === "revoke" && (
        <RevokeDialog
          org={org}
          token={open.token}
          projects={projects}
          isOwn={open.token.id === ownId}
          onDone={() => done(undefined, `${titleOf(open.token)} revoked`)}
          onClose={close}
        />
      )}
    </Page>
  );
}

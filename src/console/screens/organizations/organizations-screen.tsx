import { useState } from "preact/hooks";
import type { Organization } from "../../../../gen/signet/v1/organization_pb.js";
import { client } from "../../data/client.js";
import { links } from "../../data/links.js";
import { who } from "../../data/session.js";
import { tenancy } from "../../data/tenancy.js";
import { usePages } from "../../data/use-pages.js";
import { Button } from "../../elements/button.js";
import { DataTable, type Column } from "../../elements/data-table.js";
import { ErrorNote } from "../../elements/error-note.js";
import { Menu } from "../../elements/menu.js";
import { Empty, Skeleton } from "../../elements/states.js";
import { Name, Tag } from "../../elements/text.js";
import { Time } from "../../elements/time.js";
import { Page } from "../../shell/page.js";
import { CreateOrganization } from "./create-organization.js";
import { DeleteOrganization } from "./delete-organization.js";
import { UpdateOrganization } from "./update-organization.js";

/** At most 100 at once. */
const PAGE = 100;

/** What is open above the list. */
type Open = { readonly kind: "create" } | { readonly kind: "update" | "delete"; readonly organization: Organization };

/** The organizations of the server, for its operator: create, change, delete. */
export function OrganizationsScreen() {
  if (who.value?.operator === true) return <OrganizationList />;
  return (
    <Page title="Organizations">
      <Empty
        title="This list is for the operator"
        text="Sign in with an admin token of the operator's organization to see all organizations of the server."
      />
    </Page>
  );
}

function OrganizationList() {
  const [open, setOpen] = useState<Open | undefined>();
  const list = usePages(
    async ({ offset, limit, signal }) => {
      const { data, total } = await client.organizations.listOrganizations({ offset, limit }, { signal });
      return { items: data, total };
    },
    ["organizations"],
    { limit: PAGE },
  );
  const close = () => setOpen(undefined);
  const changed = () => {
    close();
    list.reload();
  };
  return (
    <Page
      title="Organizations"
      lead={list.total === undefined ? undefined : `${list.total} on this server`}
      actions={
        <Button kind="primary" icon="plus" onClick={() => setOpen({ kind: "create" })}>
          New organization
        </Button>
      }
    >
      {list.error !== undefined && <ErrorNote error={list.error} retry={list.reload} />}
      {list.total === undefined && list.error === undefined && <Skeleton />}
      {list.total === 0 && <Empty title="No organizations" command='signet orgs create "Acme Inc"' />}
      {list.items.length > 0 && (
        <DataTable
          caption="Organizations, oldest first"
          columns={columns(setOpen)}
          rows={list.items}
          keyOf={({ id }) => id}
          onMore={list.hasMore ? list.more : undefined}
          isLoadingMore={list.isLoading}
          total={list.total}
        />
      )}
      {open?.kind === "create" && <CreateOrganization onClose={close} onCreated={list.reload} />}
      {open?.kind === "update" && (
        <UpdateOrganization organization={open.organization} onClose={close} onChanged={changed} />
      )}
      {open?.kind === "delete" && (
        <DeleteOrganization organization={open.organization} onClose={close} onDeleted={changed} />
      )}
    </Page>
  );
}

function columns(open: (next: Open) => void): readonly Column<Organization>[] {
  const own = tenancy.value?.organization.id;
  return [
    {
      header: "Name",
      isRowHeader: true,
      cell: ({ id, name, slug }) => (
        <>
          {id === own ? (
            <a href={links.organization(slug)}>
              <Name text={name} />
            </a>
          ) : (
            <Name text={name} />
          )}{" "}
          {id === own && <Tag>yours</Tag>}
        </>
      ),
    },
    { header: "Slug", isMinor: true, cell: ({ slug }) => <code>{slug}</code> },
    { header: "Plan", cell: ({ plan }) => <Tag>{plan}</Tag> },
    {
      header: "Versions kept",
      isNumber: true,
      isMinor: true,
      cell: ({ versionsPerEnvironment }) => versionsPerEnvironment ?? "unlimited",
    },
    {
      header: "Signs with",
      isMinor: true,
      cell: ({ signingKey }) => (signingKey === "server" ? "the server's key" : "its own keys"),
    },
    { header: "Created", isMinor: true, cell: ({ createdAt }) => <Time at={createdAt} /> },
    {
      header: "Actions",
      cell: (organization: Organization) => (
        <Menu
          label={`Actions for ${organization.name}`}
          icon="more"
          items={[
            { label: "Change…", onSelect: () => open({ kind: "update", organization }) },
            {
              label: "Delete…",
              icon: "trash",
              isDanger: true,
              onSelect: () => open({ kind: "delete", organization }),
              ...(organization.id === own ? { disabledBecause: "The operator's own cannot be deleted." } : {}),
            },
          ]}
        />
      ),
    },
  ];
}

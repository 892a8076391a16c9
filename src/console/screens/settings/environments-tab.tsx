import { useState } from "preact/hooks";
import type { Environment } from "../../../../gen/signet/v1/organization_pb.js";
import { announce } from "../../data/announce.js";
import { client } from "../../data/client.js";
import { links, type ProjectAt } from "../../data/links.js";
import { can } from "../../data/session.js";
import { useAction } from "../../data/use-action.js";
import { useCall } from "../../data/use-call.js";
import { Button } from "../../elements/button.js";
import { DataTable, type Column } from "../../elements/data-table.js";
import { ErrorNote } from "../../elements/error-note.js";
import { Menu } from "../../elements/menu.js";
import { Empty, Loaded } from "../../elements/states.js";
import { Name, Status } from "../../elements/text.js";
import { Time } from "../../elements/time.js";
import { DeleteEnvironment } from "./delete-environment.js";
import { EnvironmentForm } from "./environment-form.js";
import { ReleaseHold } from "./release-hold.js";

/** What is open above the list. */
type Open =
  { readonly kind: "create" } | { readonly kind: "change" | "delete" | "release"; readonly environment: Environment };

/** The environments of a project in their order. */
export function EnvironmentsTab({ at }: { readonly at: ProjectAt }) {
  const [open, setOpen] = useState<Open | undefined>();
  const path = { orgId: at.org, projectId: at.project };
  const call = useCall(
    async (signal) => (await client.organizations.listEnvironments(path, { signal })).environments,
    ["environments", at.org, at.project],
    { refreshOn: ["environments", "activations"] },
  );
  const move = useAction(async (environments: readonly Environment[], from: number, to: number) => {
    const order = [...environments];
    order.splice(to, 0, ...order.splice(from, 1));
    for (const [position, environment] of order.entries()) {
      if (environment.position === position) continue;
      await client.organizations.updateEnvironment({ ...path, envName: environment.name, position });
    }
    announce(`${environments[from]?.name ?? ""} is at place ${to + 1} of ${order.length}`);
    call.reload();
  });
  const close = () => setOpen(undefined);
  const changed = () => {
    close();
    call.reload();
  };
  const isAdmin = can("org:admin");
  return (
    <div class="stack">
      {isAdmin && (
        <div class="row">
          <Button icon="plus" onClick={() => setOpen({ kind: "create" })}>
            New environment
          </Button>
        </div>
      )}
      {move.error !== undefined && <ErrorNote error={move.error} />}
      <Loaded call={call}>
        {(environments) => (
          <>
            {environments.length === 0 ? (
              <Empty title="No environments" command={`signet envs create dev --project ${at.project}`} />
            ) : (
              <DataTable
                caption="Environments in their order"
                columns={columns({
                  at,
                  environments,
                  isAdmin,
                  open: setOpen,
                  move: (from, to) => void move.run(environments, from, to),
                })}
                rows={environments}
                keyOf={({ id }) => id}
              />
            )}
            {open?.kind === "create" && (
              <EnvironmentForm at={at} environments={environments} onClose={close} onDone={changed} />
            )}
            {open?.kind === "change" && (
              <EnvironmentForm
                at={at}
                environments={environments}
                environment={open.environment}
                onClose={close}
                onDone={changed}
              />
            )}
          </>
        )}
      </Loaded>
      {open?.kind === "delete" && (
        <DeleteEnvironment at={at} environment={open.environment} onClose={close} onDone={changed} />
      )}
      {open?.kind === "release" && (
        <ReleaseHold at={at} environment={open.environment} onClose={close} onDone={changed} />
      )}
    </div>
  );
}

const HOLD: Column<Environment> = {
  header: "Hold",
  cell: ({ hold }) =>
    hold === undefined ? (
      <span class="muted">–</span>
    ) : (
      <div>
        <Status tone="warn" icon="pin" text="held" /> <Time at={hold.since} />
        <p class="muted">
          by <Name text={hold.byName ?? hold.by} />
        </p>
        {hold.reason !== undefined && (
          <p>
            <bdi>{hold.reason}</bdi>
          </p>
        )}
      </div>
    ),
};

interface ColumnFacts {
  readonly at: ProjectAt;
  readonly environments: readonly Environment[];
  readonly isAdmin: boolean;
  readonly open: (next: Open) => void;
  readonly move: (from: number, to: number) => void;
}

function columns({ at, environments, isAdmin, open, move }: ColumnFacts): readonly Column<Environment>[] {
  const actions = (environment: Environment) => {
    const index = environments.indexOf(environment);
    return (
      <Menu
        label={`Actions for ${environment.name}`}
        icon="more"
        items={[
          { label: "Change…", onSelect: () => open({ kind: "change", environment }) },
          ...(index > 0 ? [{ label: "Move up", icon: "up" as const, onSelect: () => move(index, index - 1) }] : []),
          ...(index < environments.length - 1
            ? [{ label: "Move down", icon: "down" as const, onSelect: () => move(index, index + 1) }]
            : []),
          ...(environment.hold === undefined
            ? []
            : [
                {
                  label: "End the hold…",
                  icon: "pin" as const,
                  onSelect: () => open({ kind: "release", environment }),
                },
              ]),
          {
            label: "Delete…",
            icon: "trash",
            isDanger: true,
            onSelect: () => open({ kind: "delete", environment }),
            ...(environment.protected ? { disabledBecause: "It is protected: change that first." } : {}),
          },
        ]}
      />
    );
  };
  return [
    {
      header: "Environment",
      isRowHeader: true,
      cell: ({ name }) => <a href={links.versions(at, { env: name })}>{name}</a>,
    },
    { header: "Promotes to", cell: ({ promotesTo }) => promotesTo ?? <span class="muted">last stage</span> },
    {
      header: "Active",
      isMinor: true,
      cell: ({ name, activeVersion }) =>
        activeVersion === undefined ? (
          <span class="muted">nothing</span>
        ) : (
          <a href={links.version(at, name, activeVersion)}>v{activeVersion}</a>
        ),
    },
    ...(environments.some(({ hold }) => hold !== undefined) ? [HOLD] : []),
    {
      header: "Deletion",
      isMinor: true,
      cell: ({ protected: isProtected }) =>
        isProtected ? <Status tone="good" icon="lock" text="protected" /> : <span class="muted">allowed</span>,
    },
    {
      header: "Signs with",
      isMinor: true,
      cell: ({ signingKey }) => (signingKey === "environment" ? "a key of its own" : "the organization's key"),
    },
    { header: "Created", isMinor: true, cell: ({ createdAt }) => <Time at={createdAt} /> },
    ...(isAdmin ? [{ header: "Actions", cell: actions }] : []),
  ];
}

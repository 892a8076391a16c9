import type { ComponentChildren } from "preact";
import type { Bundle } from "../../../../gen/signet/v1/bundle_pb.js";
import { OPA_POLICIES } from "../../../core/bundle.js";
import { links, type ProjectAt } from "../../data/links.js";
import { can } from "../../data/session.js";
import { DataTable, type Column } from "../../elements/data-table.js";
import { Menu, type MenuItem } from "../../elements/menu.js";
import { OutLink } from "../../elements/out-link.js";
import { Hash, Name, Status, LabelTag, Tag } from "../../elements/text.js";
import { Time } from "../../elements/time.js";
import { formatSide } from "../compare/side.js";

/** Labels that a row shows; all of them are on the version's own page. */
const SHOWN_LABELS = 2;

interface VersionTableProps {
  readonly at: ProjectAt;
  readonly env: string;
  readonly activeVersion: number | undefined;
  readonly items: readonly Bundle[];
  readonly kept: number | undefined;
  readonly isSearch: boolean;
  readonly picks: readonly number[];
  readonly isLoading: boolean;
  readonly onMore: (() => void) | undefined;
  readonly onPick: (version: number, isPicked: boolean) => void;
  readonly onDelete: (bundle: Bundle) => void;
}

/** The versions of an environment. */
export function VersionTable(props: VersionTableProps) {
  const { at, env, items, kept, isSearch, picks, isLoading, onMore, onPick } = props;
  const columns: readonly Column<Bundle>[] = [
    {
      header: "Compare",
      cell: ({ version }) => (
        <input
          type="checkbox"
          class="version-pick"
          aria-label={`Choose version ${version} for a comparison`}
          checked={picks.includes(version)}
          onChange={(event) => onPick(version, event.currentTarget.checked)}
        />
      ),
    },
    { header: "Version", isRowHeader: true, cell: (bundle) => <Title at={at} env={env} bundle={bundle} /> },
    { header: "Active", cell: (bundle) => <Period bundle={bundle} isShort /> },
    {
      header: "Published",
      cell: ({ publishedAt, publishedBy }) => (
        <Lines
          first={<Time at={publishedAt} />}
          second={
            publishedBy !== undefined &&
            publishedBy !== "" && (
              <span title={publishedBy}>
                <Name text={publishedBy} />
              </span>
            )
          }
        />
      ),
    },
    { header: "From", isMinor: true, cell: (bundle) => <Source bundle={bundle} /> },
    { header: "Actions", cell: (bundle) => <RowMenu {...props} bundle={bundle} /> },
  ];
  return (
    <DataTable
      caption={`Versions of ${env}, newest first`}
      columns={columns}
      rows={items}
      keyOf={({ version }) => version}
      classOf={({ isActive, version }) =>
        `version-row${isActive ? " version-active" : ""}${picks.includes(version) ? " version-picked" : ""}`
      }
      onMore={onMore}
      isLoadingMore={isLoading}
      total={isSearch ? undefined : kept}
    />
  );
}

/** Two lines, so that every row is as high as the others. */
function Lines({ first, second }: { readonly first: ComponentChildren; readonly second: ComponentChildren }) {
  return (
    <span class="version-lines">
      <span class="version-line">{first}</span>
      <span class="version-line version-second">{second}</span>
    </span>
  );
}

function Title({ at, env, bundle }: { readonly at: ProjectAt; readonly env: string; readonly bundle: Bundle }) {
  const { version, title = "", labels, policyHash, mediaType } = bundle;
  const entries = Object.entries(labels);
  const rest = entries.length - SHOWN_LABELS;
  return (
    <Lines
      first={
        <>
          <a href={links.version(at, env, version)}>v{version}</a>{" "}
          {title !== "" && (
            <span class="version-title" title={title}>
              <Name text={title} />
            </span>
          )}
        </>
      }
      second={
        <>
          <Hash value={policyHash.slice("sha256:".length)} /> {mediaType === OPA_POLICIES && <Tag>Rego</Tag>}{" "}
          {entries.slice(0, SHOWN_LABELS).map(([key, value]) => (
            <LabelTag key={key} name={key} value={value} />
          ))}
          {rest > 0 && ` +${rest}`}
        </>
      }
    />
  );
}

interface PeriodProps {
  readonly bundle: Pick<Bundle, "isActive" | "activatedAt" | "replacedAt">;
  /** In two lines. */
  readonly isShort?: boolean;
}

/** When a version was active the last time. */
export function Period({ bundle: { isActive, activatedAt, replacedAt }, isShort = false }: PeriodProps) {
  if (activatedAt === undefined) return <span class="muted">Never active</span>;
  const first = isActive ? (
    <Status tone="good" text="Active" />
  ) : (
    <span class="muted">
      from <Time at={activatedAt} minute={isShort} absolute={!isShort} />
    </span>
  );
  const second = isActive ? (
    <>
      since <Time at={activatedAt} />
    </>
  ) : (
    <span class="muted">
      to <Time at={replacedAt} minute={isShort} absolute={!isShort} />
    </span>
  );
  if (isShort) return <Lines first={first} second={second} />;
  return (
    <>
      {first} {second}
    </>
  );
}

function Source({ bundle: { source, origin } }: { readonly bundle: Bundle }) {
  const revision = source?.revision ?? "";
  const short = /^[0-9a-f]{40,64}$/.test(revision) ? revision.slice(0, 12) : revision;
  return (
    <Lines
      first={<Tag>{origin}</Tag>}
      second={
        source !== undefined && source.url !== "" ? (
          <OutLink url={source.url}>{short === "" ? "source" : short}</OutLink>
        ) : (
          short !== "" && <Name text={short} />
        )
      }
    />
  );
}

function RowMenu({ at, env, activeVersion, onDelete, bundle }: VersionTableProps & { readonly bundle: Bundle }) {
  const { version, isActive } = bundle;
  const here = formatSide({ env, version });
  const items: readonly MenuItem[] = [
    { label: "Open", href: links.version(at, env, version) },
    ...(activeVersion === undefined || isActive
      ? []
      : [
          {
            label: `Compare with v${activeVersion}, the active one`,
            href: links.compare(at, { from: formatSide({ env, version: activeVersion }), to: here }),
          },
        ]),
    ...(can("bundle:publish") && !isActive
      ? [{ label: `Activate v${version}…`, href: links.project(at, { activate: here }) }]
      : []),
    ...(can("org:admin")
      ? [
          {
            label: `Delete v${version}…`,
            icon: "trash" as const,
            isDanger: true,
            onSelect: () => onDelete(bundle),
            ...(isActive && { disabledBecause: "It is active." }),
          },
        ]
      : []),
  ];
  return <Menu label={`Actions for version ${version}`} icon="more" items={items} />;
}

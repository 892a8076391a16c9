import type { BundleDifference, ValueChange } from "../../../../gen/signet/v1/bundle_pb.js";
import { DataTable, type Column } from "../../elements/data-table.js";
import { Name, Status, type Tone } from "../../elements/text.js";
import { counted } from "../../elements/counted.js";

const OPS: Readonly<Record<string, readonly [tone: Tone, word: string, icon: "plus" | "cross" | "right"]>> = {
  add: ["good", "added", "plus"],
  remove: ["bad", "removed", "cross"],
  replace: ["warn", "changed", "right"],
};

interface ChangesListProps {
  readonly difference: BundleDifference;
  /** Where a path is shown in the text; undefined where there is no such place. */
  readonly hrefOf?: ((path: string) => string) | undefined;
}

/** What differs, value by value, as `signet diff` tells it: each with its path, its old and its new value. */
export function ChangesList({ difference: { changes, changesTotal, truncated }, hrefOf }: ChangesListProps) {
  if (changesTotal === 0) return <p>No value differs.</p>;
  const columns: readonly Column<ValueChange>[] = [
    {
      header: "Change",
      cell: ({ op }) => {
        const [tone, word, icon] = OPS[op] ?? ["neutral", op, "right"];
        return <Status tone={tone} icon={icon} text={word} />;
      },
    },
    {
      header: "Path",
      isRowHeader: true,
      cell: ({ path }) => {
        const text = path === "" ? "(the whole document)" : path;
        return (
          <code class="change-where">
            {hrefOf === undefined ? (
              <Name text={text} />
            ) : (
              <a href={hrefOf(path)}>
                <Name text={text} />
              </a>
            )}
          </code>
        );
      },
    },
    { header: "Before", cell: ({ oldValue, oldExcerpt }) => <Value value={oldValue} excerpt={oldExcerpt} /> },
    { header: "After", cell: ({ newValue, newExcerpt }) => <Value value={newValue} excerpt={newExcerpt} /> },
  ];
  return (
    <div class="changes stack">
      <p>
        {counted(changesTotal, "value differs", "values differ")}
        {truncated && `; the first ${changes.length} are listed`}.
      </p>
      <DataTable
        caption="Values that differ"
        columns={columns}
        rows={changes}
        keyOf={(change) => `${change.op} ${change.path} ${changes.indexOf(change)}`}
      />
    </div>
  );
}

/** A JSON value as documents spell it: never parsed and printed. */
function Value({ value, excerpt }: { readonly value: string | undefined; readonly excerpt: string | undefined }) {
  if (value === undefined && excerpt === undefined) return <span class="muted">–</span>;
  return (
    <code class="change-value">
      <bdi>{value ?? excerpt}</bdi>
      {value === undefined && <span class="muted"> … (longer)</span>}
    </code>
  );
}

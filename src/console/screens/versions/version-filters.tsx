import { Button } from "../../elements/button.js";
import { SearchBox } from "../../elements/search-box.js";
import { TextFilter } from "../../elements/text-filter.js";
import type { Query } from "../../data/links.js";
import { isLabel } from "./filter.js";

interface VersionFiltersProps {
  readonly query: Readonly<Record<string, string | undefined>>;
  readonly onChange: (patch: Query) => void;
}

/** What is looked for: in the URL as `q`, `label`, `by` and `revision`. */
export function VersionFilters({ query, onChange }: VersionFiltersProps) {
  const { q = "", label = "", by = "", revision = "" } = query;
  const isFiltered = [q, label, by, revision].some((text) => text !== "");
  return (
    <search class="filters">
      <SearchBox
        label="Search versions"
        placeholder="title, description, hash, …"
        value={q}
        onChange={(value) => onChange({ q: value })}
      />
      <TextFilter
        label="Label"
        placeholder="team=core"
        value={label}
        check={(text) => (isLabel(text) ? undefined : "A label is key=value.")}
        onChange={(value) => onChange({ label: value })}
      />
      <TextFilter label="Author" value={by} onChange={(value) => onChange({ by: value })} />
      <TextFilter
        label="Source revision"
        placeholder="its start"
        value={revision}
        onChange={(value) => onChange({ revision: value })}
      />
      {isFiltered && (
        <Button
          kind="quiet"
          icon="cross"
          onClick={() => onChange({ q: undefined, label: undefined, by: undefined, revision: undefined })}
        >
          Clear
        </Button>
      )}
    </search>
  );
}

import { useEffect, useId, useState } from "preact/hooks";
import { Button } from "../../elements/button.js";
import { SearchBox } from "../../elements/search-box.js";
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
        error={label === "" || isLabel(label) ? undefined : "key=value"}
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

interface TextFilterProps {
  readonly label: string;
  readonly value: string;
  readonly placeholder?: string;
  readonly error?: string | undefined;
  readonly onChange: (value: string) => void;
}

/** A filter that is applied by Enter, or when it is left. */
function TextFilter({ label, value, placeholder, error, onChange }: TextFilterProps) {
  const id = useId();
  const [text, setText] = useState(value);
  useEffect(() => setText(value), [value]);
  const apply = () => {
    if (text !== value) onChange(text);
  };
  return (
    <div class="filter">
      <label for={id}>
        {label}
        {error !== undefined && <span class="field-error"> {error}</span>}
      </label>
      <input
        id={id}
        value={text}
        placeholder={placeholder}
        autoComplete="off"
        spellcheck={false}
        aria-invalid={error === undefined ? undefined : true}
        onInput={(event) => setText(event.currentTarget.value)}
        onBlur={apply}
        onKeyDown={(event) => {
          if (event.key === "Enter") apply();
        }}
      />
    </div>
  );
}

import { useId } from "preact/hooks";
import { timeZone } from "../data/preferences.js";
import { fieldOfInstant, instantOfField } from "../data/timestamps.js";

interface TimeFilterProps {
  readonly label: string;
  /** An instant as the URL has it: ISO 8601; empty for none. */
  readonly value: string;
  readonly onChange: (value: string) => void;
}

/** A filter by a moment, in the zone in which times are shown. */
export function TimeFilter({ label, value, onChange }: TimeFilterProps) {
  const id = useId();
  const zone = timeZone.value;
  return (
    <div class="filter filter-time">
      <label for={id}>{`${label} (${zone === "utc" ? "UTC" : "local time"})`}</label>
      <input
        id={id}
        type="datetime-local"
        value={fieldOfInstant(value, zone)}
        onChange={(event) => onChange(instantOfField(event.currentTarget.value, zone))}
      />
    </div>
  );
}

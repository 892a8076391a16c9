import { useEffect, useId, useState } from "preact/hooks";

/** A filter is applied so long after the last key, in milliseconds. */
const SETTLE_MS = 400;

interface TextFilterProps {
  readonly label: string;
  readonly value: string;
  readonly placeholder?: string;
  /** Texts to choose from, which need not be all. */
  readonly suggestions?: readonly string[];
  /** What is wrong with a text: it is not applied, and the message is shown. */
  readonly check?: (text: string) => string | undefined;
  readonly onChange: (value: string) => void;
}

/** A filter by a text, applied when the person stops typing. */
export function TextFilter({ label, value, placeholder, suggestions = [], check, onChange }: TextFilterProps) {
  const id = useId();
  const [text, setText] = useState(value);
  const error = text === "" ? undefined : check?.(text);
  const apply = () => {
    if (text !== value && error === undefined) onChange(text);
  };
  useEffect(() => setText(value), [value]);
  useEffect(() => {
    if (text === value || error !== undefined) return;
    const timer = setTimeout(apply, SETTLE_MS);
    return () => clearTimeout(timer);
  }, [text, value]);
  return (
    <div class="filter">
      <label for={id}>{label}</label>
      <input
        id={id}
        type="text"
        value={text}
        placeholder={placeholder}
        spellcheck={false}
        autoComplete="off"
        list={suggestions.length > 0 ? `${id}-list` : undefined}
        aria-invalid={error === undefined ? undefined : true}
        aria-describedby={error === undefined ? undefined : `${id}-error`}
        onInput={(event) => setText(event.currentTarget.value)}
        onBlur={apply}
        onKeyDown={(event) => {
          if (event.key === "Enter") apply();
        }}
      />
      {suggestions.length > 0 && (
        <datalist id={`${id}-list`}>
          {suggestions.map((suggestion) => (
            <option key={suggestion} value={suggestion} />
          ))}
        </datalist>
      )}
      {error !== undefined && (
        <p class="field-error" id={`${id}-error`}>
          {error}
        </p>
      )}
    </div>
  );
}

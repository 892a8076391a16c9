import { useEffect, useId, useRef, useState } from "preact/hooks";
import { useCommands } from "../data/commands.js";

/** A filter is applied so long after the last key, in milliseconds. */
const SETTLE_MS = 250;

interface SearchBoxProps {
  readonly label: string;
  readonly value: string;
  readonly placeholder?: string;
  readonly onChange: (value: string) => void;
}

/** The search of a screen; the key `/` goes there. */
export function SearchBox({ label, value, placeholder, onChange }: SearchBoxProps) {
  const id = useId();
  const input = useRef<HTMLInputElement>(null);
  const [text, setText] = useState(value);
  useEffect(() => setText(value), [value]);
  useEffect(() => {
    if (text === value) return;
    const timer = setTimeout(() => onChange(text), SETTLE_MS);
    return () => clearTimeout(timer);
  }, [text, value]);
  useCommands([{ id: `search-${id}`, label, keys: "/", run: () => input.current?.focus() }], id);
  return (
    <div class="filter filter-search">
      <label for={id}>{label}</label>
      <input
        ref={input}
        id={id}
        type="search"
        value={text}
        placeholder={placeholder}
        spellcheck={false}
        autoComplete="off"
        onInput={(event) => setText(event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key === "Enter") onChange(text);
        }}
      />
    </div>
  );
}

import { useEffect, useId, useState } from "preact/hooks";
import { Select } from "../../elements/field.js";
import type { Side } from "./side.js";

interface SidePickerProps {
  readonly legend: string;
  readonly environments: readonly string[];
  readonly side: Side | undefined;
  readonly onChange: (side: Side) => void;
}

/** Chooses a version of an environment; without a number the active one. */
export function SidePicker({ legend, environments, side, onChange }: SidePickerProps) {
  const id = useId();
  const [text, setText] = useState(String(side?.version ?? ""));
  useEffect(() => setText(String(side?.version ?? "")), [side?.version, side?.env]);
  const env = side?.env ?? "";
  const names = env === "" || environments.includes(env) ? environments : [env, ...environments];
  const apply = () => {
    const version = /^[1-9]\d{0,9}$/.test(text) ? Number(text) : undefined;
    if (version !== side?.version && env !== "") onChange({ env, version });
  };
  return (
    <fieldset class="side-picker">
      <legend>{legend}</legend>
      <div class="row">
        <Select
          label="Environment"
          value={env}
          options={[...(env === "" ? [["", "Choose"] as const] : []), ...names.map((name) => [name, name] as const)]}
          onChange={(name) => {
            if (name !== "") onChange({ env: name, version: undefined });
          }}
        />
        <div class="filter">
          <label for={id}>Version</label>
          <input
            id={id}
            inputMode="numeric"
            size={8}
            value={text}
            placeholder="active"
            autoComplete="off"
            onInput={(event) => setText(event.currentTarget.value)}
            onBlur={apply}
            onKeyDown={(event) => {
              if (event.key === "Enter") apply();
            }}
          />
        </div>
      </div>
    </fieldset>
  );
}

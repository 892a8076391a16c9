import type { ComponentChildren } from "preact";
import { MAX_REASON } from "../../../elements/confirm-dialog.js";
import { Field } from "../../../elements/field.js";

/** Why a change is made: up to 1,000 characters. */
export function ReasonField({ value, onInput }: { readonly value: string; readonly onInput: (value: string) => void }) {
  return (
    <Field label="Reason" hint="Optional. Kept in history and audit, told to runtimes and webhooks.">
      {(field) => (
        <input
          {...field}
          value={value}
          maxLength={MAX_REASON}
          autoComplete="off"
          onInput={(event) => onInput(event.currentTarget.value)}
        />
      )}
    </Field>
  );
}

interface CheckProps {
  readonly checked: boolean;
  readonly onChange: (checked: boolean) => void;
  readonly label: ComponentChildren;
}

/** A choice of yes or no. */
export function Check({ checked, onChange, label }: CheckProps) {
  return (
    <label class="check">
      <input type="checkbox" checked={checked} onChange={(event) => onChange(event.currentTarget.checked)} />
      <span>{label}</span>
    </label>
  );
}

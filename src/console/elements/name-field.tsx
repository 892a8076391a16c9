import { Field } from "./field.js";

interface NameFieldProps {
  readonly label?: string;
  readonly value: string;
  readonly onInput: (value: string) => void;
}

/** Asks for the name of something, which it must have: at most 255 characters. */
export function NameField({ label = "Name", value, onInput }: NameFieldProps) {
  return (
    <Field label={label}>
      {(field) => (
        <input
          {...field}
          required
          maxLength={255}
          autoComplete="off"
          value={value}
          onInput={(event) => onInput(event.currentTarget.value)}
        />
      )}
    </Field>
  );
}

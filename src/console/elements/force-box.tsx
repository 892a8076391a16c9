import { Check } from "./field.js";

interface ForceBoxProps {
  readonly isChecked: boolean;
  readonly onChange: (isChecked: boolean) => void;
}

/** The consent to a deletion below live runtimes, which the server refuses without it. */
export function ForceBox({ isChecked, onChange }: ForceBoxProps) {
  return (
    <Check
      checked={isChecked}
      onChange={onChange}
      label="Also while runtimes are live in it. A protected environment is never deleted."
    />
  );
}

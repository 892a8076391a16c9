interface ForceBoxProps {
  readonly isChecked: boolean;
  readonly onChange: (isChecked: boolean) => void;
}

/** The consent to a deletion below live runtimes, which the server refuses without it. */
export function ForceBox({ isChecked, onChange }: ForceBoxProps) {
  return (
    <label class="check">
      <input type="checkbox" checked={isChecked} onChange={(event) => onChange(event.currentTarget.checked)} />
      <span>Also while runtimes are live in it. A protected environment is never deleted.</span>
    </label>
  );
}

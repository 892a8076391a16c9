import { Field } from "./field.js";

/** The longest reason that the server takes, in characters. */
const MAX_REASON = 1_000;

/** Why something is done, as a request has it: without the field when nothing was typed. */
export interface GivenReason {
  readonly reason?: string;
}

/** What was typed into the field of a reason. */
export function givenReason(text: string): GivenReason {
  const reason = text.trim();
  return reason === "" ? {} : { reason };
}

interface ReasonFieldProps {
  readonly value: string;
  readonly onInput: (value: string) => void;
  /** Of an activation: runtimes and webhooks are told. */
  readonly isTold?: boolean;
}

/** Asks for a reason, which nobody must give. */
export function ReasonField({ value, onInput, isTold = false }: ReasonFieldProps) {
  return (
    <Field
      label="Reason"
      hint={
        isTold ? "Optional. Kept in history and audit, told to runtimes and webhooks." : "Optional. Kept in the audit."
      }
    >
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

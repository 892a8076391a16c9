import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { useAction } from "../data/use-action.js";
import { Button } from "./button.js";
import { Dialog } from "./dialog.js";
import { ErrorNote } from "./error-note.js";
import { Field } from "./field.js";
import { givenReason, ReasonField, type GivenReason } from "./reason-field.js";

interface ConfirmDialogProps {
  readonly title: string;
  /** What happens, and to how many: what a person must know before. */
  readonly children: ComponentChildren;
  /** The verb on the button, for example "Delete environment". */
  readonly action: string;
  readonly isDanger?: boolean;
  /** Asks for a reason, which goes into the audit. */
  readonly asksReason?: boolean;
  /** The text that must be typed before, for what cannot be undone: a name. */
  readonly typed?: string;
  /** Does it; a refusal is shown in the dialog. */
  readonly run: (given: GivenReason) => Promise<unknown>;
  /** After it was done. */
  readonly onDone: () => void;
  readonly onClose: () => void;
}

/** Asks before a change. It stays open until the server has answered, and shows its refusal. */
export function ConfirmDialog(props: ConfirmDialogProps) {
  const { title, children, action, isDanger = false, asksReason = false, typed, run, onDone, onClose } = props;
  const [reason, setReason] = useState("");
  const [name, setName] = useState("");
  const change = useAction(async () => {
    await run(givenReason(reason));
    return true;
  });
  const isAllowed = typed === undefined || name === typed;
  const submit = async (event: Event) => {
    event.preventDefault();
    if (isAllowed && (await change.run()) === true) onDone();
  };
  return (
    <Dialog
      title={title}
      onClose={onClose}
      footer={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button
            type="submit"
            form="confirm"
            kind={isDanger ? "danger" : "primary"}
            busy={change.isRunning}
            disabled={!isAllowed}
          >
            {action}
          </Button>
        </>
      }
    >
      <form id="confirm" class="stack" onSubmit={(event) => void submit(event)}>
        {children}
        {asksReason && <ReasonField value={reason} onInput={setReason} />}
        {typed !== undefined && (
          <Field label={`Type ${typed} to confirm`}>
            {(field) => (
              <input
                {...field}
                value={name}
                autoComplete="off"
                spellcheck={false}
                onInput={(event) => setName(event.currentTarget.value)}
              />
            )}
          </Field>
        )}
        {change.error !== undefined && <ErrorNote error={change.error} />}
      </form>
    </Dialog>
  );
}

import { Button } from "../../elements/button.js";
import { Dialog } from "../../elements/dialog.js";
import { Command } from "../../elements/text.js";

/** A new secret, the one time that it is shown. */
export function SecretDialog({ secret, onClose }: { readonly secret: string; readonly onClose: () => void }) {
  return (
    <Dialog
      title="The webhook's secret"
      onClose={onClose}
      footer={
        <Button kind="primary" onClick={onClose}>
          I have kept it
        </Button>
      }
    >
      <div class="stack">
        <p>Give it to the receiver now: it is shown once, and never again.</p>
        <Command text={secret} label="Copy the secret" />
        <p class="muted">Any Standard Webhooks library verifies signatures with it.</p>
      </div>
    </Dialog>
  );
}

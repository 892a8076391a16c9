import { useState } from "preact/hooks";
import type { Webhook } from "../../../../gen/signet/v1/webhook_pb.js";
import { ConfirmDialog } from "../../elements/confirm-dialog.js";
import { Select } from "../../elements/field.js";
import { fullClient } from "../../data/full-client.js";

const GRACES: readonly (readonly [string, string])[] = [
  ["86400", "A day"],
  ["3600", "An hour"],
  ["604800", "A week"],
  ["0", "Not at all: it leaked"],
];

interface RotateDialogProps {
  readonly org: string;
  readonly webhook: Webhook;
  readonly onClose: () => void;
  /** With the new secret. */
  readonly onDone: (secret: string) => void;
}

/** Replaces the secret. */
export function RotateDialog({ org, webhook, onClose, onDone }: RotateDialogProps) {
  const [grace, setGrace] = useState("86400");
  const [secret, setSecret] = useState("");
  return (
    <ConfirmDialog
      title="Rotate the secret"
      action="Rotate"
      run={async () => {
        const request = { orgId: org, webhookId: webhook.id, graceSeconds: Number(grace) };
        const answer = await fullClient.webhooks.rotateWebhookSecret(request);
        setSecret(answer.secret);
        onDone(answer.secret);
      }}
      onDone={() => secret}
      onClose={onClose}
    >
      <p>A new secret signs from now on. It is shown once.</p>
      <Select label="The old one signs too for" value={grace} options={GRACES} onChange={setGrace} />
    </ConfirmDialog>
  );
}

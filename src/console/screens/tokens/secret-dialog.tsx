import { useState } from "preact/hooks";
import type { Token } from "../../../../gen/signet/v1/token_pb.js";
import { Button } from "../../elements/button.js";
import { Dialog } from "../../elements/dialog.js";
import { Icon } from "../../elements/icon.js";
import { Command, Name } from "../../elements/text.js";
import { useUnsavedGuard } from "../../shell/guard-unsaved.js";
import { titleOf } from "./token-facts.js";

interface SecretDialogProps {
  readonly token: Token;
  /** What was done, for example "Token created". */
  readonly title: string;
  readonly onClose: () => void;
}

/** The secret of a new or rotated token, which nobody can see again: closing it without having taken it asks once more. */
export function SecretDialog({ token, title, onClose }: SecretDialogProps) {
  const [isSaved, setSaved] = useState(false);
  const [isAsking, setAsking] = useState(false);
  const { rawKey = "", keyPrefix, inAdminTokenFile } = token;
  useUnsavedGuard(!isSaved, "Leave this page? The token's secret is shown only here.");
  const close = () => {
    if (isSaved || isAsking) onClose();
    else setAsking(true);
  };
  const download = () => {
    const url = URL.createObjectURL(new Blob([rawKey], { type: "text/plain" }));
    const link = document.createElement("a");
    link.href = url;
    link.download = `${keyPrefix}.token`;
    link.click();
    URL.revokeObjectURL(url);
    setSaved(true);
  };
  return (
    <Dialog
      title={title}
      onClose={close}
      footer={
        <>
          <Button icon="download" onClick={download}>
            Download
          </Button>
          <Button kind="primary" onClick={onClose}>
            I have saved it
          </Button>
        </>
      }
    >
      <div class="stack">
        <p>
          The secret of <Name text={titleOf(token)} /> is shown only now: the server keeps its hash alone.
        </p>
        <div onClickCapture={() => setSaved(true)}>
          <Command text={rawKey} label="Copy secret" />
        </div>
        {inAdminTokenFile === true && (
          <p class="muted">
            The file <code>admin-token</code> of the server's data directory has the new secret too.
          </p>
        )}
        {isAsking && !isSaved && (
          <div class="note note-warn" role="alert">
            <Icon name="warning" />
            <p class="note-text">
              Copy or download it first. Close again to leave without it, and rotate the token then.
            </p>
          </div>
        )}
      </div>
    </Dialog>
  );
}

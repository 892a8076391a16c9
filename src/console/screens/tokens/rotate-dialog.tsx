import { useRef, useState } from "preact/hooks";
import type { Token } from "../../../../gen/signet/v1/token_pb.js";
import { client } from "../../data/client.js";
import { ConfirmDialog } from "../../elements/confirm-dialog.js";
import { Field } from "../../elements/field.js";
import { Name } from "../../elements/text.js";
import { titleOf } from "./token-facts.js";

/** How long the old secret may go on working, in seconds. */
const GRACE = [
  ["0", "Stops at once"],
  ["900", "Works for 15 more minutes"],
  ["3600", "Works for another hour"],
  ["86400", "Works for another day"],
  ["604800", "Works for another week"],
] as const;

interface RotateDialogProps {
  readonly org: string;
  readonly token: Token;
  /** It is the token of this session. */
  readonly isOwn: boolean;
  readonly onRotated: (token: Token) => void;
  readonly onClose: () => void;
}

/** Gives a token another secret. */
export function RotateDialog({ org, token, isOwn, onRotated, onClose }: RotateDialogProps) {
  const [grace, setGrace] = useState("3600");
  const rotated = useRef<Token | undefined>(undefined);
  return (
    <ConfirmDialog
      title={`Rotate ${titleOf(token)}`}
      action="Rotate"
      run={async () => {
        rotated.current = await client.tokens.rotateToken({
          ...{ orgId: org, keyId: token.id, graceSeconds: Number(grace) },
        });
      }}
      onDone={() => {
        if (rotated.current !== undefined) onRotated(rotated.current);
      }}
      onClose={onClose}
    >
      <p>
        <Name text={titleOf(token)} /> gets a new secret, which is shown once. Its id, rights and expiry stay.
      </p>
      <Field label="The old secret" hint="Give the new one to everything that uses the token before the old one stops.">
        {(field) => (
          <select {...field} value={grace} onChange={(event) => setGrace(event.currentTarget.value)}>
            {GRACE.map(([value, text]) => (
              <option key={value} value={value}>
                {text}
              </option>
            ))}
          </select>
        )}
      </Field>
      <p class="muted">
        {token.keyType === "runtime"
          ? "Runtimes that still have the old secret then lose their connection, and get no new versions."
          : "Sessions of the console that signed in with the old secret end with it."}
        {isOwn && " Yours is one of them."}
      </p>
    </ConfirmDialog>
  );
}

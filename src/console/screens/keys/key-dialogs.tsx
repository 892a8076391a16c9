import { useState } from "preact/hooks";
import type { Key } from "../../../../gen/signet/v1/bundle_pb.js";
import type { KeyRotation } from "../../../../gen/signet/v1/key_pb.js";
import { fullClient } from "../../data/full-client.js";
import { ConfirmDialog } from "../../elements/confirm-dialog.js";
import { isReady, TrustFacts } from "./trust-facts.js";

interface DialogProps {
  readonly onDone: () => void;
  readonly onClose: () => void;
}

/** Announces the next key of a purpose. */
export function RotateKeyDialog({ purpose, ...rest }: DialogProps & { readonly purpose: string }) {
  const [isNow, setNow] = useState(false);
  return (
    <ConfirmDialog
      title="Announce the next key"
      action={isNow ? "Replace the key now" : "Announce"}
      isDanger={isNow}
      asksReason
      run={(given) => fullClient.keys.rotateKey({ purpose, activate: isNow, ...given })}
      {...rest}
    >
      <p>
        A key is created and listed. It signs nothing until you activate it:{" "}
        {purpose === "attestation"
          ? "first publish a root for every project that names both keys."
          : "first give both keys to every runtime that pins keys."}
      </p>
      {purpose === "attestation" && (
        <label class="check">
          <input type="checkbox" checked={isNow} onChange={(event) => setNow(event.currentTarget.checked)} />
          <span>
            The old key leaked: replace it at once{" "}
            <small class="muted">Runtimes keep what they have until they get a root that names the new key.</small>
          </span>
        </label>
      )}
    </ConfirmDialog>
  );
}

/** Makes the announced key the current one. */
export function ActivateKeyDialog({ rotation, ...rest }: DialogProps & { readonly rotation: KeyRotation }) {
  const { next, purpose } = rotation;
  const [isForced, setForced] = useState(false);
  const ready = isReady(rotation);
  const keyId = next?.keyId ?? "";
  return (
    <ConfirmDialog
      title="Sign with the announced key"
      action="Activate"
      isDanger={!ready}
      asksReason
      run={(given) => fullClient.keys.activateKey({ keyId, force: isForced, ...given })}
      {...rest}
    >
      <p>
        <code>{keyId}</code> signs from now on, without a restart. The private key before it is deleted; its public half
        stays listed until you retire it.{" "}
        {purpose === "bundles" &&
          "Versions keep their signatures: publish or promote to have the new one on what is active."}
      </p>
      <TrustFacts rotation={{ ...rotation, instances: [], projects: [] }} />
      {!ready && (
        <label class="check">
          <input type="checkbox" checked={isForced} onChange={(event) => setForced(event.currentTarget.checked)} />
          <span>
            Activate it anyway{" "}
            <small class="muted">
              {purpose === "attestation"
                ? "Runtimes of roots that do not name it keep what they have until they get one that does."
                : "Runtimes that do not trust it reject the next versions."}
            </small>
          </span>
        </label>
      )}
    </ConfirmDialog>
  );
}

/** Takes an announcement back. */
export function WithdrawKeyDialog({ keyId, ...rest }: DialogProps & { readonly keyId: string }) {
  return (
    <ConfirmDialog
      title="Withdraw the announced key"
      action="Withdraw"
      asksReason
      run={(given) => fullClient.keys.withdrawKey({ keyId, ...given })}
      {...rest}
    >
      <p>
        <code>{keyId}</code> is not listed any more and its private key is deleted. It has signed nothing.
      </p>
    </ConfirmDialog>
  );
}

/** Retires a former key. */
export function RetireKeyDialog({ retired: { keyId, purpose }, ...rest }: DialogProps & { readonly retired: Key }) {
  const [isForced, setForced] = useState(false);
  return (
    <ConfirmDialog
      title="Retire a former key"
      action="Retire"
      isDanger
      asksReason
      typed={keyId}
      run={(given) => fullClient.keys.retireKey({ keyId, force: isForced, ...given })}
      {...rest}
    >
      <p>
        Nothing that <code>{keyId}</code> signed is accepted any more: its versions cannot be activated or promoted, and
        it is not listed. This cannot be undone. The server refuses while an active bundle or a root needs it.
      </p>
      {purpose === "attestation" && (
        <label class="check">
          <input type="checkbox" checked={isForced} onChange={(event) => setForced(event.currentTarget.checked)} />
          <span>
            Even while roots name it <small class="muted">Their runtimes still accept what it signs.</small>
          </span>
        </label>
      )}
    </ConfirmDialog>
  );
}

import { useState } from "preact/hooks";
import type { Key } from "../../../../gen/signet/v1/bundle_pb.js";
import { announce } from "../../data/announce.js";
import { fullClient } from "../../data/full-client.js";
import { useCall } from "../../data/use-call.js";
import { Button } from "../../elements/button.js";
import { ErrorNote } from "../../elements/error-note.js";
import { Name } from "../../elements/text.js";
import { groupKeys, PURPOSES, type Purpose } from "./key-groups.js";
import { ActivateKeyDialog, RetireKeyDialog, RotateKeyDialog, WithdrawKeyDialog } from "./key-dialogs.js";
import { KeyTable } from "./key-table.js";
import { TrustFacts } from "./trust-facts.js";

interface PurposeSectionProps {
  readonly purpose: Purpose;
  readonly keys: readonly Key[];
  /** Sees how far a rotation is. */
  readonly isAdmin: boolean;
  /** Changes keys. */
  readonly isOperator: boolean;
  /** After a change. */
  readonly onChanged: () => void;
}

type Open = { readonly kind: "rotate" | "activate" | "withdraw" } | { readonly kind: "retire"; readonly key: Key };

/** The keys of one purpose, and the change of the server's. */
export function PurposeSection({ purpose, keys, isAdmin, isOperator, onChanged }: PurposeSectionProps) {
  const [open, setOpen] = useState<Open | undefined>();
  const [, label = "", about = ""] = PURPOSES.find(([it]) => it === purpose) ?? [];
  const groups = groupKeys(keys, purpose);
  const isRotated = purpose === "bundles" || purpose === "attestation";
  const call = useCall(
    (signal) => fullClient.keys.getKeyRotation({ purpose }, { signal }),
    isAdmin && isRotated ? [purpose] : null,
    { refreshOn: ["fleet", "audit"] },
  );
  const rotation = call.value;
  const next = rotation?.next;
  const dialog = {
    onClose: () => setOpen(undefined),
    onDone: () => {
      setOpen(undefined);
      announce("The keys have changed");
      onChanged();
      call.reload();
    },
  };
  return (
    <section class="card stack keys-purpose" aria-labelledby={`keys-${purpose}`}>
      <header class="keys-head">
        <div>
          <h2 id={`keys-${purpose}`}>{label}</h2>
          <p class="muted">{about}</p>
        </div>
        {isOperator && rotation !== undefined && (
          <div class="row">
            {next === undefined ? (
              <Button icon="refresh" onClick={() => setOpen({ kind: "rotate" })}>
                Rotate…
              </Button>
            ) : (
              <>
                <Button onClick={() => setOpen({ kind: "withdraw" })}>Withdraw…</Button>
                <Button kind="primary" onClick={() => setOpen({ kind: "activate" })}>
                  Activate…
                </Button>
              </>
            )}
          </div>
        )}
      </header>
      {call.error !== undefined && <ErrorNote error={call.error} retry={call.reload} />}
      {next !== undefined && rotation !== undefined && (
        <div class="stack">
          <h3>Who trusts the announced key</h3>
          <TrustFacts rotation={rotation} />
        </div>
      )}
      {groups.map(({ owner, environment, isServer, keys: own }) => (
        <div key={owner} class="stack keys-group">
          {groups.length > 1 && (
            <h3>
              {isServer ? "The server's" : environment === undefined ? "The organization's" : "Of the environment "}
              {environment !== undefined && <Name text={environment} />}
            </h3>
          )}
          <KeyTable
            caption={`${label}: ${isServer ? "the server's keys" : (environment ?? "the organization's keys")}`}
            keys={own}
            onRetire={isOperator && isServer && isRotated ? (key) => setOpen({ kind: "retire", key }) : undefined}
          />
        </div>
      ))}
      {groups.length === 0 && <p class="muted">Your token sees no key for this.</p>}
      {open?.kind === "rotate" && <RotateKeyDialog purpose={purpose} {...dialog} />}
      {open?.kind === "activate" && rotation !== undefined && <ActivateKeyDialog rotation={rotation} {...dialog} />}
      {open?.kind === "withdraw" && <WithdrawKeyDialog keyId={next?.keyId ?? ""} {...dialog} />}
      {open?.kind === "retire" && <RetireKeyDialog retired={open.key} {...dialog} />}
    </section>
  );
}

import type { Key } from "../../../../gen/signet/v1/bundle_pb.js";
import { Button } from "../../elements/button.js";
import { DataTable } from "../../elements/data-table.js";
import { Copy, Status, type Tone } from "../../elements/text.js";
import { Time } from "../../elements/time.js";

const STATES: Readonly<Record<string, readonly [Tone, string]>> = {
  current: ["good", "Current"],
  next: ["info", "Next"],
  previous: ["neutral", "Former"],
};

interface KeyTableProps {
  readonly caption: string;
  readonly keys: readonly Key[];
  /** Retires a former key; undefined where the caller may not. */
  readonly onRetire?: ((key: Key) => void) | undefined;
}

/** Public keys with their ids and PEM. */
export function KeyTable({ caption, keys, onRetire }: KeyTableProps) {
  return (
    <DataTable
      caption={caption}
      rows={keys}
      keyOf={({ keyId }) => keyId}
      columns={[
        {
          header: "Key",
          isRowHeader: true,
          cell: ({ keyId }) => (
            <span class="row key-id">
              <code>{keyId}</code>
              <Copy text={keyId} label={`Copy the id ${keyId}`} compact />
            </span>
          ),
        },
        {
          header: "State",
          cell: ({ state }) => {
            const [tone, text] = STATES[state] ?? ["neutral", state];
            return <Status tone={tone} text={text} />;
          },
        },
        { header: "Created", cell: ({ createdAt }) => <Time at={createdAt} />, isMinor: true },
        {
          header: "Public key",
          cell: (key) => (
            <span class="row">
              <Copy text={key.publicKeyPem} label="Copy PEM" />
              {key.state === "previous" && onRetire !== undefined && (
                <Button size="small" kind="quiet" onClick={() => onRetire(key)}>
                  Retire…
                </Button>
              )}
            </span>
          ),
        },
      ]}
    />
  );
}

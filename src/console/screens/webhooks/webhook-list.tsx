import { useState } from "preact/hooks";
import type { Webhook } from "../../../../gen/signet/v1/webhook_pb.js";
import { fullClient } from "../../data/full-client.js";
import { links } from "../../data/links.js";
import { useCall } from "../../data/use-call.js";
import { Button } from "../../elements/button.js";
import { DataTable, type Column } from "../../elements/data-table.js";
import { Empty, Loaded } from "../../elements/states.js";
import { Tag } from "../../elements/text.js";
import { Time } from "../../elements/time.js";
import { organizationCrumbs } from "../../shell/crumbs.js";
import { Page } from "../../shell/page.js";
import { FlowStatus } from "./flow-status.js";
import { SecretDialog } from "./secret-dialog.js";
import { StatsCard } from "./stats-card.js";
import { WebhookForm } from "./webhook-form.js";

/** Event types that a row has room for. */
const SHOWN_EVENTS = 3;

/** All webhooks, and how their deliveries are doing. */
export function WebhookList({ org }: { readonly org: string }) {
  const [isCreating, setCreating] = useState(false);
  const [secret, setSecret] = useState<string | undefined>();
  const list = useCall(
    async (signal) => (await fullClient.webhooks.listWebhooks({ orgId: org }, { signal })).webhooks,
    ["webhooks", org],
    { refreshOn: ["deliveries", "audit"] },
  );
  const create = (
    <Button kind="primary" icon="plus" onClick={() => setCreating(true)}>
      Create webhook
    </Button>
  );
  return (
    <Page
      title="Webhooks"
      crumbs={organizationCrumbs(org)}
      lead="Committed changes, sent to other systems at least once, signed and retried for days."
      actions={create}
    >
      <div class="stack">
        <StatsCard org={org} />
        <Loaded call={list}>
          {(webhooks) =>
            webhooks.length === 0 ? (
              <Empty
                title="No webhooks yet"
                text="A webhook tells a CI job, a chat or a SIEM what was published, promoted or rolled back."
                command="signet webhook create https://example.com/signet --events 'bundle.*'"
                action={create}
              />
            ) : (
              <DataTable caption="Webhooks" columns={columnsOf(org)} rows={webhooks} keyOf={({ id }) => id} />
            )
          }
        </Loaded>
      </div>
      {isCreating && (
        <WebhookForm
          org={org}
          onClose={() => setCreating(false)}
          onSaved={(made) => {
            setCreating(false);
            setSecret(made.secret);
            list.reload();
          }}
        />
      )}
      {secret !== undefined && <SecretDialog secret={secret} onClose={() => setSecret(undefined)} />}
    </Page>
  );
}

function columnsOf(org: string): readonly Column<Webhook>[] {
  return [
    {
      header: "URL",
      isRowHeader: true,
      cell: ({ id, url }) => (
        <a class="webhook-url" href={links.webhook(org, id)} title={url}>
          <bdi>{url}</bdi>
        </a>
      ),
    },
    { header: "Flow", cell: (webhook) => <FlowStatus webhook={webhook} /> },
    {
      header: "Events",
      cell: ({ events }) => (
        <span class="row">
          {events.slice(0, SHOWN_EVENTS).map((event) => (
            <Tag key={event}>{event === "*" ? "all events" : event}</Tag>
          ))}
          {events.length > SHOWN_EVENTS && <span class="muted">+{events.length - SHOWN_EVENTS}</span>}
        </span>
      ),
    },
    {
      header: "Secret",
      isMinor: true,
      cell: ({ hasSecret, secretFingerprint }) =>
        hasSecret ? <code class="hash">{secretFingerprint ?? ""}</code> : <span class="muted">none</span>,
    },
    { header: "Created", isMinor: true, cell: ({ createdAt }) => <Time at={createdAt} /> },
  ];
}

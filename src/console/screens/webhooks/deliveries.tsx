import type { WebhookDelivery } from "../../../../gen/signet/v1/webhook_pb.js";
import { EVENT_TYPES } from "../../../core/webhook.js";
import { fullClient } from "../../data/full-client.js";
import { links } from "../../data/links.js";
import { usePages } from "../../data/use-pages.js";
import { Button } from "../../elements/button.js";
import { DataTable, type Column } from "../../elements/data-table.js";
import { ErrorNote } from "../../elements/error-note.js";
import { Select } from "../../elements/field.js";
import { Empty, Skeleton } from "../../elements/states.js";
import { Time } from "../../elements/time.js";
import { useQuery } from "../../elements/use-query.js";
import { DeliveryPanel } from "./delivery-panel.js";
import { DeliveryState } from "./delivery-state.js";

/** Deliveries that are read at once. */
const PAGE = 50;
const STATES = ["pending", "delivered", "failed"] as const;

/** The deliveries of a webhook, newest event first, live. */
export function Deliveries({ org, id }: { readonly org: string; readonly id: string }) {
  const [query, set] = useQuery();
  const state = STATES.find((it) => it === query["state"]);
  const eventType = EVENT_TYPES.find((it) => it === query["type"]);
  const filter = { ...(state !== undefined && { state }), ...(eventType !== undefined && { eventType }) };
  const pages = usePages<WebhookDelivery>(
    async ({ offset, limit, signal }) => {
      const request = { orgId: org, webhookId: id, ...filter, offset, limit };
      const { data, total } = await fullClient.webhooks.listWebhookDeliveries(request, { signal });
      return { items: data, total };
    },
    [org, id, filter],
    { limit: PAGE, refreshOn: ["deliveries"] },
  );
  const chosen = query["delivery"] ?? "";
  return (
    <section class="stack" aria-labelledby="deliveries-title">
      <h2 id="deliveries-title">Deliveries</h2>
      <div class="filters" role="search" aria-label="Filters of the deliveries">
        <Select
          label="State"
          value={state ?? ""}
          options={[["", "All"], ...STATES.map((it) => [it, it] as const)]}
          onChange={(value) => set({ state: value })}
        />
        <Select
          label="Event"
          value={eventType ?? ""}
          options={[["", "All"], ...EVENT_TYPES.map((it) => [it, it] as const)]}
          onChange={(value) => set({ type: value })}
        />
        <Button icon="refresh" busy={pages.isLoading && pages.items.length > 0} onClick={pages.reload}>
          Refresh
        </Button>
      </div>
      {pages.error !== undefined && <ErrorNote error={pages.error} retry={pages.reload} />}
      {pages.total === undefined && pages.error === undefined && <Skeleton lines={5} />}
      {pages.total === 0 &&
        (state === undefined && eventType === undefined ? (
          <Empty title="Nothing was sent yet" text="Send a test, or wait for an event. Tests are not listed." />
        ) : (
          <Empty title="No delivery matches" action={<a href={links.webhook(org, id)}>Show all</a>} />
        ))}
      {pages.items.length > 0 && (
        <DataTable
          caption="Deliveries"
          columns={columnsOf((delivery) => links.webhook(org, id, { state, type: eventType, delivery }))}
          rows={pages.items}
          keyOf={(delivery) => delivery.id}
          classOf={() => "delivery-row"}
          total={pages.total}
          onMore={pages.hasMore ? pages.more : undefined}
          isLoadingMore={pages.isLoading}
        />
      )}
      {chosen !== "" && (
        <DeliveryPanel
          org={org}
          webhookId={id}
          deliveryId={chosen}
          onReplayed={pages.reload}
          onClose={() => set({ delivery: undefined })}
        />
      )}
    </section>
  );
}

function columnsOf(hrefOf: (id: string) => string): readonly Column<WebhookDelivery>[] {
  return [
    {
      header: "Event",
      isRowHeader: true,
      cell: ({ id, eventType, eventId }) => (
        <a href={hrefOf(id)} title={eventId}>
          <bdi>{eventType}</bdi>
        </a>
      ),
    },
    { header: "Made", cell: ({ createdAt }) => <Time at={createdAt} /> },
    { header: "State", cell: (delivery) => <DeliveryState delivery={delivery} /> },
    { header: "Tries", isNumber: true, cell: ({ attempts }) => attempts },
    {
      header: "Answer",
      cell: ({ lastStatus, lastError }) => (lastStatus === undefined ? <bdi>{lastError ?? "–"}</bdi> : lastStatus),
    },
    {
      header: "Took",
      isNumber: true,
      isMinor: true,
      cell: ({ lastLatencyMs }) => (lastLatencyMs === undefined ? "–" : `${lastLatencyMs} ms`),
    },
    {
      header: "Next try",
      isMinor: true,
      cell: ({ nextAttemptAt, state }) => (state === "pending" ? <Time at={nextAttemptAt} /> : "–"),
    },
  ];
}

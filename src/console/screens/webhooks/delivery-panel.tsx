import { signetCommand } from "../../data/shell-words.js";
import { useAction } from "../../data/use-action.js";
import { useCall } from "../../data/use-call.js";
import { announce } from "../../data/announce.js";
import { fullClient } from "../../data/full-client.js";
import { Button } from "../../elements/button.js";
import { Dialog } from "../../elements/dialog.js";
import { ErrorNote } from "../../elements/error-note.js";
import { Loaded } from "../../elements/states.js";
import { Command, Copy } from "../../elements/text.js";
import { Time } from "../../elements/time.js";
import { DeliveryState } from "./delivery-state.js";

interface DeliveryPanelProps {
  readonly org: string;
  readonly webhookId: string;
  readonly deliveryId: string;
  readonly onReplayed: () => void;
  readonly onClose: () => void;
}

/** One delivery: its tries, the body that is sent, and the last answer as text. It has a URL of its own. */
export function DeliveryPanel({ org, webhookId, deliveryId, onReplayed, onClose }: DeliveryPanelProps) {
  const ids = { orgId: org, webhookId, deliveryId };
  const call = useCall(
    async (signal) => await fullClient.webhooks.getWebhookDelivery(ids, { signal }),
    ["delivery", ids],
    {
      refreshOn: ["deliveries"],
    },
  );
  const replay = useAction(async () => {
    await fullClient.webhooks.replayWebhookDelivery(ids);
    announce("The delivery is sent again");
    call.reload();
    onReplayed();
  });
  return (
    <Dialog
      title={call.value?.eventType ?? "Delivery"}
      wide
      onClose={onClose}
      footer={
        <>
          <Button icon="refresh" busy={replay.isRunning} onClick={() => void replay.run()}>
            Replay this one
          </Button>
          <Button onClick={onClose}>Close</Button>
        </>
      }
    >
      <div class="stack">
        {replay.error !== undefined && <ErrorNote error={replay.error} />}
        <Loaded call={call}>
          {(delivery) => (
            <>
              <dl class="facts">
                <dt>State</dt>
                <dd>
                  <DeliveryState delivery={delivery} />
                </dd>
                <dt>Tries</dt>
                <dd>
                  {delivery.attempts}
                  {delivery.lastAttemptAt !== undefined && (
                    <>
                      , the last <Time at={delivery.lastAttemptAt} />
                    </>
                  )}
                </dd>
                {delivery.state === "pending" && (
                  <>
                    <dt>Next try</dt>
                    <dd>
                      <Time at={delivery.nextAttemptAt} />
                    </dd>
                  </>
                )}
                <dt>webhook-id</dt>
                <dd>
                  <code>{delivery.eventId}</code> <Copy text={delivery.eventId} label="Copy the webhook-id" compact />
                </dd>
                <dt>Answer</dt>
                <dd>
                  {delivery.lastStatus === undefined ? "" : `status ${delivery.lastStatus} `}
                  {delivery.lastLatencyMs === undefined ? "" : `after ${delivery.lastLatencyMs} ms `}
                  {delivery.lastError !== undefined && <bdi>{delivery.lastError}</bdi>}
                  {delivery.attempts === 0 && "not sent yet"}
                </dd>
              </dl>
              {delivery.lastBody !== undefined && <Text title="The answer's text" text={delivery.lastBody} />}
              {delivery.body !== undefined && <Text title="Body" text={delivery.body} />}
            </>
          )}
        </Loaded>
        <Command text={signetCommand("webhook delivery", webhookId, deliveryId)} />
      </div>
    </Dialog>
  );
}

/** A text that was sent or came back, as it is. */
function Text({ title, text }: { readonly title: string; readonly text: string }) {
  return (
    <section class="stack" aria-label={title}>
      <div class="row">
        <h3>{title}</h3>
        <Copy text={text} label={`Copy: ${title}`} compact />
      </div>
      <pre class="delivery-text" tabIndex={0} aria-label={title}>
        <bdi>{text}</bdi>
      </pre>
    </section>
  );
}

import { useLocation } from "preact-iso/router";
import { useState } from "preact/hooks";
import type { TestWebhookResponse, Webhook } from "../../../../gen/signet/v1/webhook_pb.js";
import { announce } from "../../data/announce.js";
import { fullClient } from "../../data/full-client.js";
import { links } from "../../data/links.js";
import { useAction } from "../../data/use-action.js";
import { useCall } from "../../data/use-call.js";
import { Button } from "../../elements/button.js";
import { ConfirmDialog } from "../../elements/confirm-dialog.js";
import { ErrorNote } from "../../elements/error-note.js";
import { Menu } from "../../elements/menu.js";
import { Loaded } from "../../elements/states.js";
import { Copy, Tag } from "../../elements/text.js";
import { Time } from "../../elements/time.js";
import { organizationCrumbs } from "../../shell/crumbs.js";
import { Page } from "../../shell/page.js";
import { Deliveries } from "./deliveries.js";
import { FlowStatus, flowText } from "./flow-status.js";
import { ReplayDialog } from "./replay-dialog.js";
import { RotateDialog } from "./rotate-dialog.js";
import { SecretDialog } from "./secret-dialog.js";
import { hostOf } from "./host.js";
import { WebhookForm } from "./webhook-form.js";

type Open = "edit" | "pause" | "delete" | "rotate" | "replay";

/** One webhook: how it stands, what can be done with it, and its deliveries. */
export function WebhookDetail({ org, id }: { readonly org: string; readonly id: string }) {
  const { route } = useLocation();
  const [open, setOpen] = useState<Open | undefined>();
  const [secret, setSecret] = useState<string | undefined>();
  const ids = { orgId: org, webhookId: id };
  const call = useCall(async (signal) => await fullClient.webhooks.getWebhook(ids, { signal }), ["webhook", ids], {
    refreshOn: ["deliveries", "audit"],
  });
  const test = useAction(async () => await fullClient.webhooks.testWebhook(ids, { timeoutMs: TEST_TIMEOUT_MS }));
  const [tested, setTested] = useState<TestWebhookResponse | undefined>();
  const close = () => setOpen(undefined);
  const done = () => {
    close();
    call.reload();
  };
  const webhook = call.value;
  return (
    <Page
      title={webhook === undefined ? "Webhook" : hostOf(webhook.url)}
      crumbs={[...organizationCrumbs(org), { label: "Webhooks", href: links.webhooks(org) }]}
      actions={
        webhook !== undefined && (
          <>
            <Button
              icon="upload"
              busy={test.isRunning}
              onClick={() => {
                setTested(undefined);
                void test.run().then((result) => {
                  setTested(result);
                  if (result !== undefined) announce(testText(result));
                });
              }}
            >
              Send a test
            </Button>
            <Button icon="refresh" onClick={() => setOpen("replay")}>
              Replay…
            </Button>
            <Menu
              label="More"
              icon="more"
              items={[
                { label: "Edit", onSelect: () => setOpen("edit") },
                webhook.isActive
                  ? { label: "Pause", icon: "pause", onSelect: () => setOpen("pause") }
                  : { label: "Resume", icon: "check", onSelect: () => setOpen("pause") },
                { label: "Rotate secret", icon: "refresh", onSelect: () => setOpen("rotate") },
                { label: "Delete", icon: "trash", isDanger: true, onSelect: () => setOpen("delete") },
              ]}
            />
          </>
        )
      }
    >
      <Loaded call={call}>
        {(value) => (
          <div class="stack">
            <Facts webhook={value} />
            {test.error !== undefined && <ErrorNote error={test.error} />}
            {tested !== undefined && <Tested result={tested} />}
            <Deliveries org={org} id={id} />
          </div>
        )}
      </Loaded>
      {open === "edit" && webhook !== undefined && (
        <WebhookForm org={org} webhook={webhook} onClose={close} onSaved={done} />
      )}
      {open === "pause" && webhook !== undefined && (
        <PauseDialog webhook={webhook} org={org} onDone={done} onClose={close} />
      )}
      {open === "delete" && webhook !== undefined && (
        <ConfirmDialog
          title="Delete webhook"
          action="Delete"
          isDanger
          typed={hostOf(webhook.url)}
          run={async () => await fullClient.webhooks.deleteWebhook(ids)}
          onDone={() => route(links.webhooks(org), true)}
          onClose={close}
        >
          <p>
            Nothing is sent to <bdi>{webhook.url}</bdi> any more. Its deliveries and what waits are deleted with it.
          </p>
        </ConfirmDialog>
      )}
      {open === "rotate" && webhook !== undefined && (
        <RotateDialog
          org={org}
          webhook={webhook}
          onClose={close}
          onDone={(made) => {
            done();
            if (made !== "") setSecret(made);
          }}
        />
      )}
      {open === "replay" && <ReplayDialog org={org} id={id} onClose={close} />}
      {secret !== undefined && <SecretDialog secret={secret} onClose={() => setSecret(undefined)} />}
    </Page>
  );
}

/** A test waits for the endpoint, which has 15 seconds, in milliseconds. */
const TEST_TIMEOUT_MS = 30_000;

function testText({ delivered, status, error, latencyMs }: TestWebhookResponse): string {
  const answer = status === undefined ? (error ?? "no answer") : `status ${status}`;
  return delivered
    ? `The test arrived: ${answer} after ${latencyMs} ms`
    : `The test failed: ${answer}, ${latencyMs} ms`;
}

function Tested({ result }: { readonly result: TestWebhookResponse }) {
  return (
    <div class={`note ${result.delivered ? "note-good" : "note-bad"}`} role="status">
      <div class="note-text">
        <p class="note-title">
          <bdi>{testText(result)}</bdi>
        </p>
      </div>
    </div>
  );
}

function Facts({ webhook }: { readonly webhook: Webhook }) {
  const { id, url, events, hasSecret, secretFingerprint, createdAt } = webhook;
  return (
    <section class="card stack" aria-label="About this webhook">
      <dl class="facts">
        <dt>Flow</dt>
        <dd>
          <FlowStatus webhook={webhook} />
          <p class="muted">
            <bdi>{flowText(webhook)}</bdi>
          </p>
        </dd>
        <dt>URL</dt>
        <dd>
          <bdi>{url}</bdi> <Copy text={url} label="Copy the URL" compact />
        </dd>
        <dt>Events</dt>
        <dd class="row">
          {events.map((event) => (
            <Tag key={event}>{event === "*" ? "all events" : event}</Tag>
          ))}
        </dd>
        <dt>Secret</dt>
        <dd>
          {hasSecret ? (
            <>
              fingerprint <code>{secretFingerprint ?? "–"}</code>
            </>
          ) : (
            "none"
          )}
        </dd>
        <dt>Created</dt>
        <dd>
          <Time at={createdAt} />
        </dd>
        <dt>Id</dt>
        <dd>
          <code>{id}</code> <Copy text={id} label="Copy the id" compact />
        </dd>
      </dl>
    </section>
  );
}

interface PauseDialogProps {
  readonly webhook: Webhook;
  readonly org: string;
  readonly onDone: () => void;
  readonly onClose: () => void;
}

function PauseDialog({ webhook, org, onDone, onClose }: PauseDialogProps) {
  const { id, isActive, url } = webhook;
  return (
    <ConfirmDialog
      title={isActive ? "Pause webhook" : "Resume webhook"}
      action={isActive ? "Pause" : "Resume"}
      run={async () => await fullClient.webhooks.updateWebhook({ orgId: org, webhookId: id, isActive: !isActive })}
      onDone={onDone}
      onClose={onClose}
    >
      <p>
        {isActive
          ? "Nothing is sent until it is resumed. Events wait, as long as they are kept."
          : "Events that waited are sent now, in order."}{" "}
        <bdi class="muted">{url}</bdi>
      </p>
    </ConfirmDialog>
  );
}

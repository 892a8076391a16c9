import { useState } from "preact/hooks";
import type { Webhook } from "../../../../gen/signet/v1/webhook_pb.js";
import { fullClient } from "../../data/full-client.js";
import { useAction } from "../../data/use-action.js";
import { Button } from "../../elements/button.js";
import { Dialog } from "../../elements/dialog.js";
import { ErrorNote } from "../../elements/error-note.js";
import { Field } from "../../elements/field.js";
import { useUnsavedGuard } from "../../shell/guard-unsaved.js";
import { choose, EVENT_GROUPS, isChosen } from "./event-patterns.js";

interface WebhookFormProps {
  readonly org: string;
  /** The one that is changed; undefined for a new one. */
  readonly webhook?: Webhook;
  readonly onClose: () => void;
  /** A new one with a secret of the server's has it. */
  readonly onSaved: (webhook: Webhook) => void;
}

type SecretChoice = "generate" | "given" | "none";

const SECRETS: readonly (readonly [SecretChoice, string])[] = [
  ["generate", "Make one; it is shown once"],
  ["given", "Use one that I made"],
  ["none", "None: verify by the public key alone"],
];

/** A new webhook, or changes of one. */
export function WebhookForm({ org, webhook, onClose, onSaved }: WebhookFormProps) {
  const [url, setUrl] = useState(webhook?.url ?? "");
  const [events, setEvents] = useState<readonly string[]>(webhook?.events ?? ["bundle.*"]);
  const [secret, setSecret] = useState<SecretChoice>("generate");
  const [given, setGiven] = useState("");
  useUnsavedGuard(url !== (webhook?.url ?? ""));
  const save = useAction(async () => {
    const fields = { orgId: org, url: url.trim(), events: [...events] };
    if (webhook !== undefined) {
      const updateMask = { paths: ["url", "events"] };
      return await fullClient.webhooks.updateWebhook({ ...fields, webhookId: webhook.id, updateMask });
    }
    return await fullClient.webhooks.createWebhook({
      ...fields,
      generateSecret: secret === "generate",
      ...(secret === "given" && { givenSecret: given.trim() }),
    });
  });
  const errorOf = (field: string) => save.error?.fields.find(({ loc }) => loc.includes(field))?.msg;
  const submit = async (event: Event) => {
    event.preventDefault();
    const saved = await save.run();
    if (saved !== undefined) onSaved(saved);
  };
  return (
    <Dialog
      title={webhook === undefined ? "Create webhook" : "Edit webhook"}
      onClose={onClose}
      footer={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button
            kind="primary"
            type="submit"
            form="webhook-form"
            busy={save.isRunning}
            disabled={events.length === 0 || url.trim() === ""}
          >
            {webhook === undefined ? "Create" : "Save"}
          </Button>
        </>
      }
    >
      <form id="webhook-form" class="stack" onSubmit={(event) => void submit(event)}>
        <Field label="URL" hint="Public https addresses, and what SIGNET_WEBHOOK_ALLOW allows." error={errorOf("url")}>
          {(field) => (
            <input
              {...field}
              type="url"
              required
              maxLength={2000}
              value={url}
              placeholder="https://example.com/signet"
              autoComplete="off"
              onInput={(event) => setUrl(event.currentTarget.value)}
            />
          )}
        </Field>
        <EventChoice events={events} onChange={setEvents} />
        {webhook === undefined && (
          <fieldset>
            <legend>Secret</legend>
            {SECRETS.map(([value, label]) => (
              <label key={value} class="check">
                <input type="radio" name="secret" checked={secret === value} onChange={() => setSecret(value)} />
                <span>{label}</span>
              </label>
            ))}
          </fieldset>
        )}
        {webhook === undefined && secret === "given" && (
          <Field label="Your secret" hint="whsec_ and 24 to 64 bytes in base64." error={errorOf("given_secret")}>
            {(field) => (
              <input
                {...field}
                type="password"
                required
                value={given}
                autoComplete="new-password"
                onInput={(event) => setGiven(event.currentTarget.value)}
              />
            )}
          </Field>
        )}
        {save.error !== undefined && <ErrorNote error={save.error} />}
      </form>
    </Dialog>
  );
}

interface EventChoiceProps {
  readonly events: readonly string[];
  readonly onChange: (events: readonly string[]) => void;
}

function EventChoice({ events, onChange }: EventChoiceProps) {
  const isAll = events.includes("*");
  return (
    <fieldset>
      <legend>Events</legend>
      <label class="check">
        <input
          type="checkbox"
          checked={isAll}
          onChange={(event) => onChange(choose(events, "*", event.currentTarget.checked))}
        />
        <span>All events, also of later releases</span>
      </label>
      {!isAll &&
        EVENT_GROUPS.map(({ pattern, types }) => (
          <details key={pattern} open={types.some((type) => events.includes(type))}>
            <summary>
              <label class="check">
                <input
                  type="checkbox"
                  checked={isChosen(events, pattern)}
                  onClick={(event) => event.stopPropagation()}
                  onChange={(event) => onChange(choose(events, pattern, event.currentTarget.checked))}
                />
                <code>{pattern}</code>
              </label>
            </summary>
            <div class="event-types">
              {types.map((type) => (
                <label key={type} class="check">
                  <input
                    type="checkbox"
                    checked={isChosen(events, type)}
                    disabled={events.includes(pattern)}
                    onChange={(event) => onChange(choose(events, type, event.currentTarget.checked))}
                  />
                  <code>{type}</code>
                </label>
              ))}
            </div>
          </details>
        ))}
    </fieldset>
  );
}

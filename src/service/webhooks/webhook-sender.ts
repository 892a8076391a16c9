import { randomUUID } from "node:crypto";
import { instantOf, type Clock } from "../../core/clock.js";
import type { Organization } from "../../core/organization.js";
import type { TraceContext } from "../../core/trace.js";
import type { Webhook } from "../../core/webhook.js";
import type { Store } from "../../store/store.js";
import type { Signers } from "../keys/signers.js";
import type { AllowList } from "../../outbound/allow-list.js";
import type { Resolver } from "../../outbound/check-target.js";
import { checkTarget } from "../../outbound/check-target.js";
import type { Sender, SendResult } from "../../outbound/send.js";
import { signatureHeaders } from "../../outbound/signatures.js";

/** How a test event went. */
export interface WebhookTestResult {
  readonly delivered: boolean;
  readonly status: number | null;
  readonly latencyMs: number;
  readonly error: string | null;
}

/** Signs events and sends them where they may go. */
export class WebhookSender {
  constructor(
    private readonly deps: {
      readonly store: Store;
      readonly clock: Clock;
      readonly signers: Signers;
      readonly sender: Sender;
      readonly allowList: AllowList;
      readonly resolver: Resolver;
    },
  ) {}

  /** Throws `malformed` (400) for an address that this organization may not call, or that does not resolve. */
  async check(url: string, orgId: string): Promise<void> {
    const { store, allowList, resolver } = this.deps;
    await checkTarget(url, namesOf(orgId, await store.read.organization(orgId)), allowList, resolver);
  }

  /** One try; `trace` is told to the target. Rejects only when the signal aborts. */
  async send(
    webhook: Webhook,
    eventId: string,
    body: string,
    signal: AbortSignal,
    trace: TraceContext | null = null,
  ): Promise<SendResult> {
    const { clock, store, signers, sender } = this.deps;
    const organization = await store.read.organization(webhook.orgId);
    const now = clock.now();
    const { secret, previousSecret, previousSecretExpiresAt } = webhook;
    const isInGrace = previousSecretExpiresAt !== null && previousSecretExpiresAt > instantOf(now);
    const secrets = [secret, isInGrace ? previousSecret : null].filter((it) => it !== null);
    const timestampSeconds = Math.floor(now.getTime() / 1000);
    // Gone with everything else of it: nothing is sent then.
    const signer = organization === null ? null : signers.webhooks(organization);
    const signatures = await signatureHeaders({ eventId, timestampSeconds, body, secrets, signer });
    return await sender.send({
      url: webhook.url,
      orgs: namesOf(webhook.orgId, organization),
      headers: { "content-type": "application/json", ...signatures, ...traceHeaders(trace) },
      body,
      signal,
    });
  }

  /** Closes the connections that are kept. */
  close(): void {
    this.deps.sender.close();
  }

  async test(webhook: Webhook, signal: AbortSignal): Promise<WebhookTestResult> {
    const timestamp = instantOf(this.deps.clock.now());
    const data = { org_id: webhook.orgId, webhook_id: webhook.id };
    const body = JSON.stringify({ type: "webhook.test", timestamp, data });
    const result = await this.send(webhook, `evt_${randomUUID()}`, body, signal);
    if (result.kind === "failed") {
      return { delivered: false, status: null, latencyMs: result.latencyMs, error: result.error };
    }
    const { status, latencyMs } = result;
    return { delivered: status >= 200 && status < 300, status, latencyMs, error: null };
  }
}

/** What an entry of the allow list may call the organization. */
function namesOf(orgId: string, organization: Organization | null): readonly string[] {
  return organization === null ? [orgId] : [orgId, organization.slug];
}

function traceHeaders(trace: TraceContext | null): Record<string, string> {
  if (trace === null) return {};
  const { traceparent, tracestate } = trace;
  return tracestate === null ? { traceparent } : { traceparent, tracestate };
}

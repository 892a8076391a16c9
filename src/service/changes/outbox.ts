import { instantOf, type Clock } from "../../core/clock.js";
import type { Tracing } from "../../core/trace.js";
import type { Webhook } from "../../core/webhook.js";
import type { Writer } from "../../store/store.js";
import type { EventType } from "../../core/webhook.js";
import { newRowId } from "./row-id.js";

/** The data of an event, in the names of the API. */
export type EventData = { readonly [key: string]: unknown };

/** An event before it is written. */
export interface NewEvent {
  readonly orgId: string;
  /** Events of one environment are sent in the order of their commits; null has no order. */
  readonly environmentId: string | null;
  readonly type: EventType;
  readonly data: EventData;
}

/** Told after commits. Must not throw. */
export interface OutboxSender {
  committed(): void;
  /** Events of another node, or those of several that were missed. */
  othersCommitted(): void;
  changed(webhook: Pick<Webhook, "id" | "orgId">): void;
}

/**
 * The transactional outbox: an event is a row that is written in the transaction of its cause, so that both are there or neither is.
 * Sending it is the dispatcher's work.
 */
export class Outbox {
  #sender: OutboxSender = { committed: () => undefined, othersCommitted: () => undefined, changed: () => undefined };

  /** @param publicUrl where people find the server, without a slash at its end, for links to its console; null puts no links in */
  constructor(
    private readonly clock: Clock,
    private readonly tracing: Tracing,
    private readonly publicUrl: string | null = null,
  ) {}

  /**
   * Writes an event, with the trace that it belongs to. The body is Standard Webhooks' `{type, timestamp, data}`. Data about a project
   * gets the `url` of the console's page about it.
   */
  async emit(tx: Writer, { orgId, environmentId, type, data }: NewEvent): Promise<void> {
    const createdAt = instantOf(this.clock.now());
    const url = this.publicUrl === null || "url" in data ? null : consolePage(this.publicUrl, type, data);
    const body = JSON.stringify({ type, timestamp: createdAt, data: url === null ? data : { ...data, url } });
    const trace = this.tracing.current();
    await tx.insertEvent({ id: `evt_${newRowId()}`, orgId, environmentId, type, body, createdAt, trace });
  }

  /** To be called after the commit: there are events to send. */
  committed(): void {
    // The sender serves many requests; it is not a part of this one.
    this.tracing.apart(() => this.#sender.committed());
  }

  /** Another node has committed events, or may have. */
  othersCommitted(): void {
    this.tracing.apart(() => this.#sender.othersCommitted());
  }

  /** After the commit: this webhook was made, changed or deleted, or has something to send again. */
  changed(webhook: Pick<Webhook, "id" | "orgId">): void {
    this.tracing.apart(() => this.#sender.changed(webhook));
  }

  /** Sets the sender. */
  attach(sender: OutboxSender): void {
    this.#sender = sender;
  }
}

/** The page of the version that an event is about, or of its project when there is none any more; null for events of no project. */
function consolePage(publicUrl: string, type: EventType, data: EventData): string | null {
  const {
    org_id: org,
    project_id: id,
    project = id,
    environment,
    version,
    to_environment: target = environment,
  } = data;
  if (typeof org !== "string" || typeof project !== "string") return null;
  const page = [publicUrl, "console/orgs", org, "projects", encodeURIComponent(project)];
  const isThere = typeof target === "string" && typeof version === "number" && type !== "bundle.deleted";
  if (isThere) page.push("envs", target, "versions", String(version));
  return page.join("/");
}

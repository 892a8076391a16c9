import type {
  AuditChange,
  DeletedEnvironment,
  DeletedProject,
  DeliveryChanges,
  FleetFigures,
  WatchCurrent,
  WatchedEnvironment,
  WatchedProject,
  WatchEnvironmentsResponse,
  WatchHeartbeat,
} from "../../gen/signet/v1/watch_pb.js";
import { check, isObject } from "../bundle/verify-arguments.js";
import { createBackoff, type BackoffOptions } from "./backoff.js";
import type { SignetClient } from "./client.js";
import { limitSilence } from "./limit-silence.js";
import { checkBackoff, isPositive } from "./option-checks.js";
import { reconnect } from "./reconnect.js";
import { FINAL_ERRORS, type SignetError } from "./signet-error.js";
import type { ReconnectingEvent } from "./watch-event.js";

/** What may be followed besides environments and projects. */
export const ENVIRONMENT_TOPICS = ["fleet", "deliveries", "audit"] as const;

/** One of {@link ENVIRONMENT_TOPICS}: `deliveries` needs an admin token, `audit` one that reads the audit. */
export type EnvironmentTopic = (typeof ENVIRONMENT_TOPICS)[number];

/** The options of watchEnvironments. */
export interface WatchEnvironmentsOptions {
  /** UUID, slug or name. */
  readonly orgId: string;
  /** UUID, slug or name; default: all projects that the token sees. */
  readonly projectId?: string;
  /** Default: none. */
  readonly topics?: readonly EnvironmentTopic[];
  /** The cursors of an earlier watch (`WatchedEnvironment.cursor`, the newest of each environment); default: none. */
  readonly after?: Iterable<string>;
  /** Ends the watch. */
  readonly signal: AbortSignal;
  /** The server's heartbeat interval, default 15 s: after three intervals without a message the watch reconnects. */
  readonly heartbeatMs?: number;
  /** Default: up to 1 s at first, at most 30 s. */
  readonly backoff?: BackoffOptions;
}

/** What happened, by `type`; a deleted environment may be known by its id alone. */
export type EnvironmentsEvent =
  | { readonly type: "environment"; readonly value: WatchedEnvironment }
  | {
      readonly type: "environment_deleted";
      readonly value: Pick<DeletedEnvironment, "id"> & Partial<Pick<DeletedEnvironment, "name" | "projectId">>;
    }
  | { readonly type: "project"; readonly value: WatchedProject }
  | { readonly type: "project_deleted"; readonly value: Pick<DeletedProject, "id" | "name" | "slug"> }
  | { readonly type: "current"; readonly value: WatchCurrent }
  | { readonly type: "fleet"; readonly value: FleetFigures }
  | { readonly type: "deliveries"; readonly value: DeliveryChanges }
  | { readonly type: "audit"; readonly value: AuditChange }
  | { readonly type: "heartbeat"; readonly value: WatchHeartbeat }
  | ReconnectingEvent;

/** Those who look at a console want it back soon, and there are few of them. */
const BACKOFF: BackoffOptions = { baseMs: 1_000, maxMs: 30_000, random: Math.random };

/** More cursors than that are not sent: everything comes instead. */
const MAX_CURSORS = 2_000;

/**
 * Follows the environments of an organization or a project until the signal aborts: their newest states, what becomes active in them,
 * what is made, changed and deleted, and the topics that are asked for. For admin, ci and viewer tokens.
 *
 * Reconnects by itself, with the cursors of what it yielded: it skips what was superseded meanwhile and nothing else. After each
 * `current` event what the topics are about may have changed. Throws SignetError and ends when a Signet server refuses the token, a topic,
 * or the request for good ("too_many_environments" too); every other error is retried. Throws a TypeError at once for invalid options.
 */
export function watchEnvironments(
  client: Pick<SignetClient, "watches">,
  options: WatchEnvironmentsOptions,
): AsyncGenerator<EnvironmentsEvent, void> {
  check(isObject(options), "options", "an object");
  const { orgId, projectId = "", topics = [], signal, heartbeatMs = 15_000, backoff } = options;
  check(typeof orgId === "string" && orgId !== "", "orgId", "a UUID, slug or name");
  check(typeof projectId === "string", "projectId", "a UUID, slug or name");
  check(
    topics.every((topic) => ENVIRONMENT_TOPICS.includes(topic)),
    "topics",
    `of ${ENVIRONMENT_TOPICS.join(", ")}`,
  );
  check((signal as unknown) instanceof AbortSignal, "signal", "an AbortSignal");
  check(isPositive(heartbeatMs), "heartbeatMs", "a number above 0");
  checkBackoff(backoff, "backoff");
  const known = new Known(options.after ?? []);
  const open = () => {
    const request = { orgId, projectId, topics: [...topics], after: known.connected() };
    const call = (connection: AbortSignal) =>
      client.watches.watchEnvironments(request, { signal: connection, timeoutMs: 0 });
    return eventsOf(limitSilence(call, 3 * heartbeatMs, signal), known);
  };
  return reconnect(open, createBackoff(backoff ?? BACKOFF), signal, isFinal);
}

/** Only a request for less can go through. */
function isFinal({ code, reason }: SignetError): boolean {
  return FINAL_ERRORS.has(code) || reason === "too_many_environments";
}

async function* eventsOf(
  messages: AsyncIterable<WatchEnvironmentsResponse>,
  known: Known,
): AsyncGenerator<EnvironmentsEvent> {
  for await (const { event } of messages) {
    switch (event.case) {
      case "environment":
        known.environments.set(event.value.environment?.id ?? "", event.value.cursor);
        known.sent.add(event.value.environment?.id ?? "");
        yield { type: "environment", value: event.value };
        break;
      case "environmentDeleted":
        known.environments.delete(event.value.id);
        yield { type: "environment_deleted", value: event.value };
        break;
      case "project":
        known.sent.add(event.value.id);
        // All of them come again with every connection.
        if (known.projects.has(event.value.id)) break;
        known.projects.set(event.value.id, event.value);
        yield { type: "project", value: event.value };
        break;
      case "projectDeleted":
        known.projects.delete(event.value.id);
        yield { type: "project_deleted", value: event.value };
        break;
      case "current":
        yield* known.gone(event.value);
        yield { type: "current", value: event.value };
        break;
      case "fleet":
        yield { type: "fleet", value: event.value };
        break;
      case "deliveries":
        yield { type: "deliveries", value: event.value };
        break;
      case "audit":
        yield { type: "audit", value: event.value };
        break;
      case "heartbeat":
        yield { type: "heartbeat", value: event.value };
        break;
      case undefined:
        // A newer server's kind of message.
        break;
    }
  }
}

/** What was yielded. */
class Known {
  /** Cursors by environment. */
  readonly environments = new Map<string, string>();
  readonly projects = new Map<string, WatchedProject>();
  /** Ids of what this connection has told of. */
  readonly sent = new Set<string>();

  constructor(after: Iterable<string>) {
    for (const cursor of after) this.environments.set(cursor.split(":", 1)[0] ?? "", cursor);
  }

  /** Begins another connection. Returns its cursors. */
  connected(): string[] {
    this.sent.clear();
    return this.environments.size > MAX_CURSORS ? [] : [...this.environments.values()];
  }

  /** What is known and not there any more. */
  *gone({ full, projects }: WatchCurrent): Generator<EnvironmentsEvent> {
    for (const id of full ? [...this.environments.keys()] : []) {
      if (this.sent.has(id)) continue;
      this.environments.delete(id);
      yield { type: "environment_deleted", value: { id } };
    }
    for (const project of projects ? [...this.projects.values()] : []) {
      if (this.sent.has(project.id)) continue;
      this.projects.delete(project.id);
      yield { type: "project_deleted", value: project };
    }
  }
}

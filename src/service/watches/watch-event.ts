import type { AuditEvent } from "../../core/audit.js";
import type { Project } from "../../core/organization.js";
import type { RolloutState } from "../../core/runtime-instance.js";
import type { Moment } from "../access/freshness.js";
import type { EnvironmentState } from "./environment-state.js";

/** What may be followed besides environments and projects. */
export const WATCH_TOPICS = ["fleet", "deliveries", "audit"] as const;
/** One of {@link WATCH_TOPICS}. */
export type WatchTopic = (typeof WATCH_TOPICS)[number];

/** How many live instances an environment has, and where they stand. */
export interface EnvironmentFigures {
  readonly environmentId: string;
  readonly projectId: string;
  readonly environment: string;
  readonly live: number;
  readonly counts: Readonly<Record<RolloutState, number>>;
}

/** What a topic tells: the newest of all that changed. */
export type TopicEvent =
  | { readonly kind: "fleet"; readonly figures: readonly EnvironmentFigures[] }
  | { readonly kind: "deliveries"; readonly webhookIds: readonly string[] }
  | { readonly kind: "audit"; readonly event: Pick<AuditEvent, "id" | "actor" | "action" | "createdAt"> };

/** A change of a project or an environment. */
export type StateEvent =
  | { readonly kind: "environment"; readonly state: EnvironmentState; readonly isActivated: boolean }
  | {
      readonly kind: "environment_deleted";
      readonly id: string;
      /** Null for one that is known by its cursor alone. */
      readonly name: string | null;
      readonly projectId: string | null;
    }
  | { readonly kind: "project" | "project_deleted"; readonly project: Project };

/** Everything before was sent; `isFull`: and nothing else is there. */
export interface CurrentEvent {
  readonly kind: "current";
  readonly isFull: boolean;
  /** Every project was sent. */
  readonly hasProjects: boolean;
  readonly environments: number;
}

/** One message of a watch of environments, with the id to go on after it. */
export type EnvironmentsEvent = { readonly eventId: string } & (
  StateEvent | TopicEvent | CurrentEvent | ({ readonly kind: "heartbeat" } & Moment)
);

/** The steps of a publish or promotion, in their order. `commit` is all of the transaction, with the wait for it. */
export const PUBLISH_PHASES = ["parse", "hash", "sign", "commit"] as const;
/** The phases of a publish that are timed. */
export type PublishPhase = (typeof PUBLISH_PHASES)[number];

/** Told of publishes, for metrics. No call throws or waits. */
export interface PublishObserver {
  /** A phase that succeeded. */
  phase(phase: PublishPhase, durationMs: number): void;
}

/** Told of answers that were given again. */
export interface IdempotencyObserver {
  /** A retry got the first answer. `operation` is an operation id. */
  replayed(operation: string): void;
}

/** Told how streams keep up. A stream is behind from a change of its environment until it was handed the newest bundle. */
export interface WatchObserver {
  /** So many more streams are behind; negative: so many fewer. */
  behind(change: number): void;
  /** All streams that were open at a change were handed it, or something newer: so long after it the last one was. */
  fed(durationMs: number): void;
}

/** Told of attempts of deliveries. */
export interface DeliveryObserver {
  /** One try is over and recorded. `isLast`: no other one follows. */
  tried(isDelivered: boolean, isLast: boolean, durationMs: number): void;
}

/** Told of decisions that OPAs log. */
export interface DecisionObserver {
  /** So many were taken. */
  counted(decisions: number): void;
}

/** All observers of the use cases. Their methods must not throw. */
export interface ServiceObservers {
  readonly publishing: PublishObserver;
  readonly idempotency: IdempotencyObserver;
  readonly watch: WatchObserver;
  readonly deliveries: DeliveryObserver;
  readonly decisions: DecisionObserver;
}

/** Observers that do nothing. */
export const NO_OBSERVERS: ServiceObservers = {
  publishing: { phase: () => undefined },
  idempotency: { replayed: () => undefined },
  watch: { behind: () => undefined, fed: () => undefined },
  deliveries: { tried: () => undefined },
  decisions: { counted: () => undefined },
};

/** Warnings for the operator, not for callers. No call throws or waits. */
export interface ServiceWarnings {
  /** A token was made or rotated with the key of another organization's token: it never works. */
  foreignKey(orgId: string, keyPrefix: string): void;
  /** The active bundle of an environment differs from what was signed, and is not served. */
  damaged(environmentId: string, reason: string): void;
  /** The database had lost activations or versions of an environment; the environment goes on above this sequence, which was served. */
  historyLost(environmentId: string, servedSequence: number): void;
  /** What is active cannot be attested: runtimes that check a root document keep what they have until it expires. */
  unattested(environmentId: string, error: unknown): void;
  /** The database had lost audit events of an organization, of whose log this process had given a checkpoint of so many. */
  auditLost(orgId: string, toldSize: number): void;
  /** So many of the events of an organization are in tiles of the log over them: a long chain is being taken over. */
  auditTiles(progress: { readonly orgId: string; readonly size: number; readonly of: number }): void;
}

/** Warnings that go nowhere. */
export const NO_WARNINGS: ServiceWarnings = {
  foreignKey: () => undefined,
  damaged: () => undefined,
  historyLost: () => undefined,
  unattested: () => undefined,
  auditLost: () => undefined,
  auditTiles: () => undefined,
};

import type { VerifiedBundle } from "../bundle/verify-bundle.js";
import type { VerificationReason } from "../bundle/verification-error.js";
import type { SignetError } from "./signet-error.js";

/** What made a bundle the active one, with the bundle, verified. */
export interface VerifiedActivation {
  /** The cursor: only this says what is newer. */
  readonly sequence: number;
  readonly deploymentId: string;
  /** `publish`, `activate`, `promote` or `rollback`. */
  readonly kind: string;
  /** The bundle's number. */
  readonly version: number;
  readonly policyHash: string;
  readonly activatedAt: Date;
  /** The document exactly as signed. */
  readonly document: string;
  readonly bundle: VerifiedBundle;
}

/** Where a document came from. */
export type DocumentOrigin = "server" | "cache";

/** The server accepted the stream; `sequence` is the newest that it has told. */
export interface ConnectedEvent {
  readonly type: "connected";
  readonly sequence: number;
}

/** The stream ended; the next attempt starts after `delayMs`. What was applied stays good meanwhile. */
export interface ReconnectingEvent {
  readonly type: "reconnecting";
  /** Failures in a row. */
  readonly attempt: number;
  readonly delayMs: number;
  readonly error: SignetError;
}

/** Nothing was ever active here, or the server has lost it (`historyLost`). */
export interface NothingActiveEvent {
  readonly type: "nothing_active";
  readonly sequence: number;
  readonly historyLost: boolean;
}

/** The server lives, and what it told last is current. */
export interface HeartbeatEvent {
  readonly type: "heartbeat";
  readonly sequence: number;
}

/** Apply this. */
export interface ActivationEvent {
  readonly type: "activation";
  readonly from: DocumentOrigin;
  readonly activation: VerifiedActivation;
  /**
   * The server does not have the activation that was asked for: its newest sequence is lower, or is another activation. It was
   * restored from an older backup, or is another server.
   */
  readonly historyLost: boolean;
  /** Of a bundle from the cache: how long ago the server last said that it is the active one. Null for one that it pushed. */
  readonly ageMs: number | null;
}

/**
 * Why a push was refused: a check of verifyDocument; `mismatch`: the document is not the one that the activation names; `rolled_back`: an
 * older bundle than one that was held came as a new one; `too_old`: it is from the cache, and the server's word that it is the active
 * one is older than `maxAgeMs`.
 */
export type RejectionReason = VerificationReason | "mismatch" | "rolled_back" | "too_old";

/** Do not apply this; keep what was applied before. It is asked for again with the next connection. */
export interface RejectedEvent {
  readonly type: "rejected";
  readonly from: DocumentOrigin;
  readonly sequence: number;
  readonly deploymentId: string;
  readonly version: number;
  readonly policyHash: string;
  readonly reason: RejectionReason;
  readonly message: string;
}

/** The cache could not be read or written. The watch goes on without it. */
export interface CacheFailedEvent {
  readonly type: "cache_failed";
  readonly error: unknown;
}

export type WatchEvent =
  | ConnectedEvent
  | ReconnectingEvent
  | NothingActiveEvent
  | HeartbeatEvent
  | ActivationEvent
  | RejectedEvent
  | CacheFailedEvent;

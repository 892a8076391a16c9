import type { VerifiedBundle } from "../bundle/verify-bundle.js";
import type { VerificationReason } from "../bundle/verification-error.js";
import type { SignetError } from "./signet-error.js";

/** An activation, with its verified bundle. */
export interface VerifiedActivation {
  /** The cursor: the only measure of what is newer. */
  readonly sequence: number;
  readonly deploymentId: string;
  /** `publish`, `activate`, `promote` or `rollback`. */
  readonly kind: string;
  /** The bundle's number. */
  readonly version: number;
  readonly policyHash: string;
  readonly activatedAt: Date;
  /** Why it was activated, as the caller told the server: free text, not signed. Null without one. */
  readonly reason: string | null;
  /** The document exactly as signed. */
  readonly document: string;
  readonly bundle: VerifiedBundle;
}

/** The source of a document. */
export type DocumentOrigin = "server" | "cache";

/** The server accepted the stream; `sequence` is its newest. */
export interface ConnectedEvent {
  readonly type: "connected";
  readonly sequence: number;
}

/** The stream ended; the next attempt starts after `delayMs`. The applied bundle stays valid meanwhile. */
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

/** The server is alive, and the last activation is current, or was at `currentAt`. */
export interface HeartbeatEvent {
  readonly type: "heartbeat";
  readonly sequence: number;
  /** While the server cannot read its database: when it last could; null when the activation is current. */
  readonly currentAt: Date | null;
}

/** Apply this. */
export interface ActivationEvent {
  readonly type: "activation";
  readonly from: DocumentOrigin;
  readonly activation: VerifiedActivation;
  /**
   * The server does not have the activation of the cursor: its newest sequence is lower, or belongs to another activation. It was
   * restored from an older backup, or is another server.
   */
  readonly historyLost: boolean;
  /** For a cached bundle, the time since the server last confirmed it. Null for one that the server pushed. */
  readonly ageMs: number | null;
}

/**
 * Why a bundle was rejected: a check of verifyDocument; `mismatch`: the activation names another document; `rolled_back`: an older bundle
 * was presented as a new one; `too_old`: the server confirmed the cached bundle longer than `maxAgeMs` ago.
 */
export type RejectionReason = VerificationReason | "mismatch" | "rolled_back" | "too_old";

/** Do not apply this; keep the previous bundle. The next connection requests it again. */
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

/** The events of watchBundle, told apart by `type`. */
export type WatchEvent =
  | ConnectedEvent
  | ReconnectingEvent
  | NothingActiveEvent
  | HeartbeatEvent
  | ActivationEvent
  | RejectedEvent
  | CacheFailedEvent;

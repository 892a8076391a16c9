import type { BundleSource } from "../../core/bundle.js";
import type { TrustCode, TrustError } from "../../bundle/trust/trust-error.js";
import type { SignetError } from "../signet-error.js";
import type { InstanceStatus } from "../status-reporter.js";
import type { RuntimeProof } from "./runtime-proof.js";

/**
 * How well what a runtime has is proven.
 *
 * - `fresh`: proven to be the newest.
 * - `stale`: proven still, but a new lease is overdue: two thirds of the last one's life are over. Something newer may be active.
 * - `expired`: the proof has run out. Served on, or closed, as `onExpired` says.
 * - `revoked`: a newer root revokes what the runtime has. Closed, unless `onRevoked` says otherwise.
 * - `empty`: nothing was proven yet, or nothing is active.
 */
export type RuntimeState = "fresh" | "stale" | "expired" | "revoked" | "empty";

/** How a runtime follows its server: a gRPC stream, a Connect stream, server-sent events, held polls. */
export type TransportName = "grpc" | "connect" | "sse" | "poll";

/** The release that authors signed: what allows an activation where the root asks for one. */
export interface CurrentRelease {
  /** The authors' counter. */
  readonly number: number;
  /** The authors that signed it, by the root's names for them; a key's id where it has none. */
  readonly authors: readonly string[];
  /** Null: never. */
  readonly expiresAt: Date | null;
  /** Where it comes from, as the authors said. */
  readonly source: BundleSource | null;
}

/** Verified policies. Frozen, and shared by all runtimes of a process that have the same content. */
export interface CurrentPolicies {
  readonly policies: Readonly<Record<string, unknown>>;
  readonly scopePolicies: Readonly<Record<string, unknown>>;
  /** The exact text whose SHA-256 is `hash`: `{"policies":…,"scope_policies":…}`. Numbers are as they were published. */
  readonly content: string;
  /** `sha256:` and 64 hex digits. */
  readonly hash: string;
  /** The bundle's number. */
  readonly version: number;
  /** Grows with every activation, also with a rollback: the only measure of what is newer. */
  readonly sequence: number;
  readonly deploymentId: string;
  /** `publish`, `activate`, `promote`, `rollback` or `import`. */
  readonly kind: string;
  /**
   * What the policies are, as the server signed it: `application/json`, or `application/vnd.openpolicyagent.bundles` for Rego files
   * (readOpaPolicies).
   */
  readonly mediaType: string;
  readonly activatedAt: Date;
  /** Null where the root asks for none. */
  readonly release: CurrentRelease | null;
  /** The earlier of the expiry of the lease and of the release. Each lease moves it. */
  readonly provenUntil: Date;
}

/** An update that was refused: what the runtime had before is kept. */
export interface Refusal {
  /** Why, by docs/trust.md. */
  readonly code: TrustCode;
  readonly message: string;
  readonly at: Date;
  /** The sequence that the server named. Not verified. */
  readonly sequence: number;
}

/** What a runtime says about itself. */
export interface RuntimeStatus {
  readonly state: RuntimeState;
  /** When it took this state. */
  readonly since: Date;
  /** When the proof runs out; null while there is none. */
  readonly provenUntil: Date | null;
  /** How it is connected; null while it is not. */
  readonly transport: TransportName | null;
  /** When it calls the server again; null while it tries, and while it is connected and refused nothing. */
  readonly nextRetryAt: Date | null;
  /** Why it is not connected, or `invalid` while it is and refused what came; else null. */
  readonly error: SignetError | null;
  /** The last update that was refused; null since a newer one was accepted. */
  readonly refusal: Refusal | null;
  /** How often it was connected, and how many updates it refused, since it was opened: for metrics. */
  readonly connections: number;
  readonly refusals: number;
  /** Why the cache could not be read or written at last; null since it could. The runtime goes on without. */
  readonly cacheError: unknown;
}

/** What an attempt to be up to date came to. */
export interface UpdateAttempt {
  /** Null: verified, also when it is what the runtime had. A TrustError: refused. A SignetError: there was no answer to verify. */
  readonly error: TrustError | SignetError | null;
}

/** The events of a runtime, and what their listeners are given. */
export interface RuntimeEvents {
  /** `current` is another activation. */
  update: CurrentPolicies;
  /** `status.state` changed. */
  state: RuntimeStatus;
  /** `proof` is another one: with each lease, root and activation that was verified. */
  proof: RuntimeProof;
  /** An update came, or a connection failed before one did. */
  attempt: UpdateAttempt;
}

/** Follows the policies of an environment. It reconnects by itself, and keeps the process alive until it is closed. */
export interface Runtime extends AsyncDisposable {
  /** What to enforce; null while nothing is proven, and while `expired` or `revoked` closes it. */
  readonly current: CurrentPolicies | null;
  readonly status: RuntimeStatus;
  /**
   * The signed texts that were verified last, to relay them to programs that verify for themselves. They may be of another activation than
   * `current`, which stays when a newer root no longer proves it.
   */
  readonly proof: RuntimeProof;
  /**
   * Tells the fleet view what became of an activation, for programs with `reports: "caller"`. Never throws and never waits; it replaces a
   * report that is still being sent. Does nothing with `reports: false`.
   */
  report(status: InstanceStatus): void;
  /**
   * Resolves with what to enforce, as soon as there is any.
   *
   * @throws SignetError `timeout`, `cancelled`, or what a Signet server refused for good, such as the token; TrustError when all that
   *   came was refused. The runtime tries on all the same.
   */
  ready(options?: { readonly signal?: AbortSignal; readonly timeoutMs?: number }): Promise<CurrentPolicies>;
  /** `current` and each one after it, until the runtime is closed. Who is slow misses superseded ones, and holds up nobody. */
  updates(): AsyncIterable<CurrentPolicies>;
  /** Calls `listener` each time, at once; what it throws is an uncaught exception. Returns a function that ends it. */
  on<Name extends keyof RuntimeEvents>(name: Name, listener: (value: RuntimeEvents[Name]) => void): () => void;
  /** Ends connections, timers and `updates`. What is being written to the cache is written before it resolves. */
  close(): Promise<void>;
}

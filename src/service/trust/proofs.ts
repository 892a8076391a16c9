import type { Deployment } from "../../core/bundle.js";

/**
 * The proof of what is active in an environment, as all its runtimes get it: the same object until its lease is renewed, so that what is
 * made of it (frames, headers) can be kept with it.
 */
export interface Proof {
  /** Of the activation; 0 while nothing is active. */
  readonly sequence: number;
  /** JSON text: `{"lease": envelope, "activation": envelope or null, "release": envelope or null, "proof": null}`. */
  readonly attestation: string;
  /** JSON text: `{"lease": envelope}`. */
  readonly lease: string;
  /** The lease's envelope in base64url, for the header `Signet-Lease`. */
  readonly header: string;
  /** The version of the project's newest root when the lease was signed; 0 without a root. */
  readonly rootVersion: number;
  /** From then on a new lease is due, in milliseconds since the epoch. */
  readonly renewAtMs: number;
}

/** The proofs of all environments, made when asked for. `deployment` is what is active there; null for nothing. */
export interface Proofs {
  /** From memory: undefined when it is not there or a new lease is due, null when none could be made a moment ago. */
  peek(environmentId: string, deployment: Deployment | null): Proof | null | undefined;
  /**
   * Makes what is not in memory. Null when none can be made: the key is unusable, or the database has been silent for longer than the
   * lease lives. Throws `not_found` when the environment was deleted.
   */
  of(environmentId: string, deployment: Deployment | null): Promise<Proof | null>;
}

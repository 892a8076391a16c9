import type { Instant } from "../clock.js";

/** The signed statement of an activation. Its payload never changes; another key may sign it again. */
export interface ActivationAttestation {
  readonly deploymentId: string;
  /** The DSSE envelope, JSON text. */
  readonly envelope: string;
  /** SHA-256 of the payload, 64 hex digits. */
  readonly digest: string;
  /** The digest of the release by which it was allowed, and that release's number; null where the project asks for none. */
  readonly releaseDigest: string | null;
  readonly releaseNumber: number | null;
  /** The newest key that signed the envelope: 16 hex digits. */
  readonly keyId: string;
  /** When it was first signed: with the activation, or later for one of before. */
  readonly attestedAt: Instant;
}

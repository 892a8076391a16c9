import type { Instant } from "../core/clock.js";
import type { ActivationAttestation } from "../core/trust/activation-attestation.js";
import type { Release, ReleaseSubject } from "../core/trust/release.js";
import type { TrustRoot } from "../core/trust/trust-root.js";
import type { Listed, Page } from "./page.js";

/** The newest root of a project, and whose it is. */
export interface NewestRoot {
  readonly root: TrustRoot;
  readonly project: { readonly id: string; readonly orgId: string; readonly slug: string };
}

/** Something that runtimes refuse from an instant on: the newest root of a project, or the release that is active in an environment. */
export interface TrustEnd {
  readonly orgId: string;
  readonly projectId: string;
  /** The slug of the project. */
  readonly project: string;
  /** The environment's name; null for a root. */
  readonly environment: string | null;
  /** The version of the root, or the number of the release. */
  readonly number: number;
  readonly expiresAt: Instant;
}

/** Reads of roots, releases and attestations. Look-ups answer null for what is not there. */
export interface TrustReader {
  newestTrustRoot(projectId: string): Promise<TrustRoot | null>;
  /** The newest roots of the projects of all organizations whose id is above `after`, by that id, at most `limit`. */
  newestTrustRoots(after: string, limit: number): Promise<readonly NewestRoot[]>;
  trustRoot(projectId: string, version: number): Promise<TrustRoot | null>;
  /** Above a version, oldest first, at most `limit`. */
  trustRootsAfter(projectId: string, version: number, limit: number): Promise<readonly TrustRoot[]>;
  release(projectId: string, digest: string): Promise<Release | null>;
  /** Highest number first. With an environment those alone that are for it. */
  releases(projectId: string, page: Page, environment?: string): Promise<Listed<Release>>;
  /** The releases that allow a content in an environment: highest number first, at most `limit`. */
  releasesOf(subject: Omit<ReleaseSubject, "digest" | "number">, limit: number): Promise<readonly Release[]>;
  /** How many releases a project has. */
  countReleases(projectId: string): Promise<number>;
  /** The newest roots and active releases, of all organizations, that expire before an instant: the first `limit` of each. */
  trustEnds(before: Instant, limit: number): Promise<readonly TrustEnd[]>;
  activationAttestation(deploymentId: string): Promise<ActivationAttestation | null>;
  /** Of the activation before a sequence of an environment; null without one, and when that has none. */
  attestationBefore(environmentId: string, sequence: number): Promise<ActivationAttestation | null>;
}

/** Writes of roots, releases and attestations. They go with their project or deployment. */
export interface TrustWriter extends TrustReader {
  /** Throws `conflict` when the project has the version. */
  insertTrustRoot(root: TrustRoot): Promise<void>;
  /** Does nothing when the project has the release. */
  putRelease(release: Release, subjects: readonly ReleaseSubject[]): Promise<void>;
  /** Replaces the envelope, which has more signatures of the same payload. */
  updateRelease(release: Pick<Release, "projectId" | "digest" | "envelope">): Promise<void>;
  /**
   * Deletes up to `limit` releases of a project that nothing needs, lowest number first: no kept bundle was active in an
   * environment with a content that they allow there. Returns how many.
   */
  deleteUnneededReleases(projectId: string, limit: number): Promise<number>;
  /** After its deployment. Does nothing when that has one. */
  insertActivationAttestation(attestation: ActivationAttestation): Promise<void>;
  /** Replaces the envelope, which has one more signature. */
  updateActivationAttestation(
    attestation: Pick<ActivationAttestation, "deploymentId" | "envelope" | "keyId">,
  ): Promise<void>;
}

import { contentDigest } from "../../bundle/policy-hash.js";
import { parseRelease } from "../../bundle/trust/release.js";
import { boundedEnvelope } from "../../bundle/trust/threshold.js";
import { isRevoked } from "../../bundle/trust/trust-state.js";
import type { Bundle, Deployment } from "../../core/bundle.js";
import { instantOf, type Clock } from "../../core/clock.js";
import type { Environment } from "../../core/organization.js";
import type { Release, ReleaseSubject } from "../../core/trust/release.js";
import type { Reader } from "../../store/store.js";
import type { ReleaseSigners } from "./release-signers.js";
import {
  refusalError,
  refusalOf,
  releaseRule,
  revokedContent,
  unreleased,
  type Refusal,
  type ReleaseUse,
} from "./release-verdict.js";
import type { KnownRoot, RootDocuments } from "./root-documents.js";

/** Releases of one content that are looked at, highest number first. */
const MAX_CANDIDATES = 8;

/** The release that an activation names. */
export type NamedRelease = Pick<Release, "digest" | "number">;

/** A release that is brought along with a change, and not kept yet. */
export interface BroughtRelease {
  readonly release: Release;
  readonly subjects: readonly ReleaseSubject[];
}

/** An environment, as far as the rules look at it. */
type Place = Pick<Environment, "name" | "projectId" | "activeDeploymentId">;

/** A content by its hash, with what it is: a release of the same text as another kind of policies does not allow it. */
export type NamedContent = Pick<Bundle, "policyHash" | "mediaType">;

/** A content that may become active in an environment. */
export interface PlannedContent extends NamedContent {
  readonly environment: Environment;
}

/** Decides by the newest root of a project which content may become active in which environment. */
export class ReleaseRules {
  constructor(
    private readonly deps: {
      readonly clock: Clock;
      readonly documents: RootDocuments;
      readonly signers: ReleaseSigners;
    },
  ) {}

  /**
   * The release by which a content may become active in an environment, null where none is needed and none is there. To be asked in the
   * transaction of the activation: the newest root is read there, which is all that a project without a root costs. `brought` is looked at
   * besides what is kept.
   *
   * Throws `invalid` with the reason `release_missing`, `release_expired`, `revoked`, `rolled_back` or `mix_and_match`, and says who must
   * sign.
   */
  async authorize(
    reader: Reader,
    environment: Environment,
    content: NamedContent,
    brought: BroughtRelease | null = null,
  ): Promise<NamedRelease | null> {
    const known = await this.deps.documents.newest(reader, environment.projectId);
    if (known === null) return null;
    const found = await this.#find(reader, known, environment, content, brought);
    if (found !== null && "problem" in found) throw refusalError([found]);
    return found;
  }

  /**
   * The release that an activation names which is attested later, or which nobody asked for: that of the activation before, if it is one of
   * this content, else one that allows the content now. Null without any; nothing is refused.
   */
  async named(reader: Reader, deployment: Deployment, before: string | null): Promise<NamedRelease | null> {
    const { projectId, environment, policyHash, mediaType } = deployment;
    const known = await this.deps.documents.newest(reader, projectId);
    if (known === null) return null;
    const contentSha256 = contentDigest(policyHash);
    const same = before === null ? null : await reader.release(projectId, before);
    if (same !== null && same.mediaType === mediaType && allows(same, environment, contentSha256)) return same;
    const place = { name: environment, projectId, activeDeploymentId: null };
    const found = await this.#find(reader, known, place, deployment, null);
    return found === null || "problem" in found ? null : found;
  }

  /** The refusals of several contents in environments that they may become active in, as authorize would throw them. */
  async refusals(reader: Reader, contents: readonly PlannedContent[]): Promise<readonly Refusal[]> {
    const roots = new Map<string, KnownRoot | null>();
    const refusals: Refusal[] = [];
    for (const { environment, ...content } of contents) {
      const { projectId } = environment;
      const read = roots.get(projectId);
      const known = read === undefined ? await this.deps.documents.newest(reader, projectId) : read;
      roots.set(projectId, known);
      const found = known === null ? null : await this.#find(reader, known, environment, content, null);
      if (found !== null && "problem" in found) refusals.push(found);
    }
    return refusals;
  }

  async #find(
    reader: Reader,
    known: KnownRoot,
    environment: Place,
    { policyHash, mediaType }: NamedContent,
    brought: BroughtRelease | null,
  ): Promise<NamedRelease | Refusal | null> {
    const { root } = known;
    const { name, projectId } = environment;
    const contentSha256 = contentDigest(policyHash);
    const rule = releaseRule(root, name);
    if (isRevoked(root, contentSha256)) return revokedContent(name);
    if (rule.threshold === 0 && rule.keyIds.length === 0) return null;
    const use: ReleaseUse = {
      environment: name,
      mediaType,
      now: instantOf(this.deps.clock.now()),
      leastNumber: await leastNumber(reader, known, environment),
    };
    const kept = await reader.releasesOf({ projectId, environment: name, contentSha256 }, MAX_CANDIDATES);
    let refused: Refusal | null = null;
    for (const release of [...releasesIn(brought, name, contentSha256), ...kept]) {
      const refusal = refusalOf(root, release, await this.deps.signers.of(known, release), use);
      if (refusal === null) return { digest: release.digest, number: release.number };
      refused ??= refusal;
    }
    return rule.threshold === 0 ? null : (refused ?? unreleased(root, name));
  }
}

/** With `rollback: release`, the number of the release that is active. */
async function leastNumber(
  reader: Reader,
  { root }: KnownRoot,
  { name, activeDeploymentId }: Place,
): Promise<number | null> {
  if (root.rollback !== "release" || activeDeploymentId === null || releaseRule(root, name).threshold === 0)
    return null;
  return (await reader.activationAttestation(activeDeploymentId))?.releaseNumber ?? null;
}

function allows({ envelope }: Release, environment: string, contentSha256: string): boolean {
  return parseRelease(boundedEnvelope(envelope).payload).subjects.get(environment) === contentSha256;
}

function releasesIn(brought: BroughtRelease | null, environment: string, contentSha256: string): readonly Release[] {
  const isIt = (it: ReleaseSubject) => it.environment === environment && it.contentSha256 === contentSha256;
  return brought?.subjects.some(isIt) === true ? [brought.release] : [];
}

import { contentDigest } from "../../bundle/policy-hash.js";
import { parseRelease, type Release as Statement } from "../../bundle/trust/release.js";
import type { Root } from "../../bundle/trust/root.js";
import { STATEMENT_TYPE } from "../../bundle/trust/statement.js";
import { boundedEnvelope } from "../../bundle/trust/threshold.js";
import { isRevoked } from "../../bundle/trust/trust-state.js";
import { timeMs, type TrustTime } from "../../bundle/trust/trust-time.js";
import { instantOf, type Clock, type Instant } from "../../core/clock.js";
import { AppError, invalidField, notFound } from "../../core/error.js";
import { JSON_POLICIES, MEDIA_TYPES, mediaTypeOf } from "../../core/bundle.js";
import type { Project } from "../../core/organization.js";
import { printable } from "../../core/printable.js";
import { nextTurn } from "../../core/schedule/in-steps.js";
import type { Principal } from "../../core/token.js";
import type { Release, ReleaseSubject } from "../../core/trust/release.js";
import type { Listed, Page } from "../../store/page.js";
import type { Reader, Store, Writer } from "../../store/store.js";
import { visibleProject } from "../access/access.js";
import { actorOf, type Audit } from "../audit/audit.js";
import { retryOnConflict } from "../changes/retry-on-conflict.js";
import { explained, givenEnvelope, withSignatures } from "./envelopes.js";
import { keyNames } from "./key-names.js";
import type { BroughtRelease, NamedContent } from "./release-rules.js";
import { authorsOf, type ReleaseSigners } from "./release-signers.js";
import { refusalOf, releaseRule, revokedContent, type Refusal } from "./release-verdict.js";
import type { KnownRoot, RootDocuments } from "./root-documents.js";

/** Releases that a project keeps. Those above make room by what no kept version needs. */
const MAX_RELEASES = 10_000;

/** So many releases make room at once. */
const ROOM = 100;

/** Environments of each release of a list: a page of releases for hundreds is too much to make at once. */
const MAX_LISTED_SUBJECTS = 32;

/** A release with what it says, and how it stands under the newest root. */
export interface KnownRelease {
  readonly release: Release;
  readonly statement: Statement;
  /** Authors, by key id. */
  readonly signedBy: readonly string[];
  /** What keeps all of its contents from becoming active; null for nothing. */
  readonly problem: "revoked" | "release_expired" | null;
  /** In a list the first 32. */
  readonly subjects: readonly KnownSubject[];
}

/** One environment of a release. */
export interface KnownSubject {
  readonly environment: string;
  readonly contentSha256: string;
  readonly threshold: number;
  readonly signedBy: readonly string[];
  /** Why its content cannot become active there; null when it can. */
  readonly refusal: Refusal | null;
}

/** A release of a request, verified under a root. */
export interface GivenRelease extends BroughtRelease {
  readonly statement: Statement;
  /** The digest of the root. */
  readonly rootDigest: string;
}

/** The releases of projects. */
export class Releases {
  constructor(
    private readonly deps: {
      readonly store: Store;
      readonly clock: Clock;
      readonly audit: Audit;
      readonly documents: RootDocuments;
      readonly signers: ReleaseSigners;
    },
  ) {}

  /** Keeps a release, or adds its signatures to the one that is kept. Throws as `given` and `keepIn`. */
  async upload(caller: Principal, projectId: string, envelope: string): Promise<KnownRelease> {
    const { store, documents } = this.deps;
    return await retryOnConflict(async () => {
      const project = await visibleProject(store.read, caller, projectId);
      const given = await this.given(caller, project, envelope, "envelope");
      const kept = await store.write(async (tx) => {
        await visibleProject(tx, caller, projectId);
        return await this.keepIn(tx, caller, given, "envelope");
      });
      const known = kept === null ? null : await documents.newest(store.read, project.id);
      return kept === null || known === null ? null : await this.#known(known, kept);
    });
  }

  /**
   * Verifies a release of a request, before the transaction that keeps it. Throws `invalid` about `field`, and `conflict` (`no_root`) in a
   * project without a root: nothing says who its authors are.
   */
  async given(
    caller: Principal,
    project: Pick<Project, "id" | "orgId">,
    text: string,
    field: string,
  ): Promise<GivenRelease> {
    const { store, clock, documents, signers } = this.deps;
    const known = await documents.newest(store.read, project.id);
    if (known === null) {
      const message = "the project has no root, which says who may sign releases: publish one first";
      throw new AppError("conflict", message, { reason: "no_root" });
    }
    const envelope = givenEnvelope(text, STATEMENT_TYPE, field);
    const statement = explained(field, () => parseRelease(envelope.payload));
    const now = instantOf(clock.now());
    const problem = problemOf(known.root, project, statement, envelope.digest, now);
    if (problem !== null) throw invalidField([field], problem.message, problem.code);
    const signatures = await signers.signatures(known.root, envelope, field);
    if (signatures.length === 0) throw unsigned(known.root, field);
    const release: Release = {
      projectId: project.id,
      digest: envelope.digest,
      envelope: withSignatures(envelope, signatures, field),
      number: statement.number,
      expiresAt: instantOrNull(statement.expiresAt),
      mediaType: mediaTypeOf(statement.mediaType) ?? JSON_POLICIES,
      uploadedAt: now,
      uploadedBy: actorOf(caller),
    };
    return { release, subjects: subjectsOf(release, statement), statement, rootDigest: known.kept.digest };
  }

  /**
   * Keeps a verified release in a transaction, with its audit event; without one when it says nothing new. Null when the project got
   * another root since it was verified. Throws `quota_exceeded`.
   */
  async keepIn(tx: Writer, caller: Principal, given: GivenRelease, field: string): Promise<Release | null> {
    const { projectId, digest } = given.release;
    const [root, kept] = [await tx.newestTrustRoot(projectId), await tx.release(projectId, digest)];
    if (root?.digest !== given.rootDigest) return null;
    if (kept === null) {
      await this.#makeRoom(tx, projectId);
      await tx.putRelease(given.release, given.subjects);
      await this.#record(tx, caller, given, signedBy(given.release));
      return given.release;
    }
    const known = new Set(signedBy(kept));
    const added = boundedEnvelope(given.release.envelope).signatures.filter(({ keyid }) => !known.has(keyid));
    if (added.length === 0) return kept;
    const before = boundedEnvelope(kept.envelope);
    const merged = { ...kept, envelope: withSignatures(before, [...before.signatures, ...added], field) };
    await tx.updateRelease(merged);
    await this.#record(
      tx,
      caller,
      given,
      added.map(({ keyid }) => keyid),
    );
    return merged;
  }

  /** Highest number first. Throws `not_found`. */
  async list(caller: Principal, projectId: string, page: Page): Promise<Listed<KnownRelease>> {
    const { store, documents } = this.deps;
    const project = await visibleProject(store.read, caller, projectId);
    const { rows, total } = await store.read.releases(project.id, page, await onlyEnvironment(store.read, caller));
    const known = await documents.newest(store.read, project.id);
    const releases: KnownRelease[] = [];
    if (known === null) return { rows: [], total };
    for (const release of rows) {
      releases.push(await this.#known(known, release, MAX_LISTED_SUBJECTS));
      // Each is parsed.
      await nextTurn();
    }
    return { rows: releases, total };
  }

  /** By the digest of its payload. Throws `not_found`. */
  async get(caller: Principal, projectId: string, digest: string): Promise<KnownRelease> {
    const { store, documents } = this.deps;
    const project = await visibleProject(store.read, caller, projectId);
    const release = await store.read.release(project.id, digest);
    const known = await documents.newest(store.read, project.id);
    if (release === null || known === null) throw notFound("release");
    const only = await onlyEnvironment(store.read, caller);
    const found = await this.#known(known, release);
    if (only !== undefined && !found.statement.subjects.has(only)) throw notFound("release");
    return found;
  }

  async #known(known: KnownRoot, release: Release, most = Infinity): Promise<KnownRelease> {
    const { root } = known;
    const statement = parseRelease(boundedEnvelope(release.envelope).payload);
    const authors = await this.deps.signers.of(known, release);
    const now = instantOf(this.deps.clock.now());
    const subjects = [...statement.subjects].slice(0, most).map(([environment, contentSha256]): KnownSubject => {
      const { threshold, keyIds } = releaseRule(root, environment);
      const refusal = isRevoked(root, contentSha256)
        ? revokedContent(environment)
        : refusalOf(root, release, authors, { environment, mediaType: null, now, leastNumber: null });
      const signed = keyIds.filter((id) => authors.has(id));
      return { environment, contentSha256, threshold, signedBy: signed, refusal };
    });
    const isExpired = release.expiresAt !== null && release.expiresAt <= now;
    const problem = isRevoked(root, release.digest) ? "revoked" : isExpired ? "release_expired" : null;
    return { release, statement, signedBy: [...authors], problem, subjects };
  }

  async #makeRoom(tx: Writer, projectId: string): Promise<void> {
    if ((await tx.countReleases(projectId)) < MAX_RELEASES) return;
    if ((await tx.deleteUnneededReleases(projectId, ROOM)) > 0) return;
    const message = `the project keeps ${MAX_RELEASES} releases, and kept versions need all of them: prune versions first`;
    throw new AppError("quota_exceeded", message, { reason: "release_quota_exceeded" });
  }

  async #record(
    tx: Writer,
    caller: Principal,
    { release, statement }: GivenRelease,
    added: readonly string[],
  ): Promise<void> {
    const { projectId, digest, number } = release;
    const project = { orgId: statement.orgId, id: projectId };
    await this.deps.audit.record(tx, project.orgId, caller, {
      ...{ action: "trust.release_uploaded", resourceType: "release", resourceId: digest },
      metadata: {
        ...{ project_id: projectId, digest, number, environments: [...statement.subjects.keys()] },
        ...{ signed_by: [...added], expires_at: release.expiresAt },
      },
    });
  }
}

/** Throws `invalid` about `field` if a release is not one of a content in an environment: it was brought by mistake. */
export function requireReleased(
  { statement, release }: GivenRelease,
  environment: string,
  { policyHash, mediaType }: NamedContent,
  field: string,
): void {
  const released = statement.subjects.get(environment);
  if (released === contentDigest(policyHash)) {
    if (release.mediaType === mediaType) return;
    throw invalidField([field], `is of ${release.mediaType}, and the policies are ${mediaType}`, "mix_and_match");
  }
  const other =
    released === undefined
      ? `names no content for "${environment}"`
      : `names another content for "${environment}": sha256:${released}, and this one is ${policyHash}`;
  throw invalidField([field], other, "digest_mismatch");
}

/** The name of the environment of a runtime token, which sees what is for it alone; undefined for other tokens. */
async function onlyEnvironment(reader: Reader, { environmentId }: Principal): Promise<string | undefined> {
  if (environmentId === null) return undefined;
  return (await reader.environmentById(environmentId))?.name ?? "";
}

function problemOf(
  root: Root,
  { id, orgId }: Pick<Project, "id" | "orgId">,
  statement: Statement,
  digest: string,
  now: Instant,
): { readonly code: string; readonly message: string } | null {
  if (statement.orgId !== orgId || statement.projectId !== id) {
    const message = `is a release of project ${statement.projectId} of organization ${statement.orgId}, not of this one`;
    return { code: "wrong_identity", message };
  }
  if (isRevoked(root, digest)) return { code: "revoked", message: "was revoked" };
  const { expiresAt, mediaType } = statement;
  // Runtimes compare it with the activation's, which is one of these.
  if (mediaTypeOf(mediaType) === null) {
    return {
      code: "mix_and_match",
      message: `is of the media type ${printable(mediaType)}, and policies are of ${MEDIA_TYPES.join(" or ")}`,
    };
  }
  if (expiresAt === null || timeMs(expiresAt) > Date.parse(now)) return null;
  return { code: "release_expired", message: `ran out at ${expiresAt}` };
}

function unsigned(root: Root, field: string): AppError {
  const authors = authorsOf(root);
  const who = authors.size === 0 ? "no authors" : `as authors ${keyNames(root, authors.keys())}`;
  return invalidField([field], `is signed by no author: root ${root.version} names ${who}`, "bad_signature");
}

function subjectsOf({ projectId, digest, number }: Release, { subjects }: Statement): readonly ReleaseSubject[] {
  return [...subjects].map(([environment, contentSha256]) => ({
    ...{ projectId, environment, contentSha256, digest, number },
  }));
}

/** Only signatures of authors are kept, under the ids of their keys. */
function signedBy({ envelope }: Release): readonly string[] {
  return boundedEnvelope(envelope).signatures.map(({ keyid }) => keyid);
}

function instantOrNull(time: TrustTime | null): Instant | null {
  return time === null ? null : instantOf(new Date(timeMs(time)));
}

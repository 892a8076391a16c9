import type { Artifact, ArtifactPromotion } from "../../core/artifact.js";
import { type BundleState, JSON_POLICIES, type MediaType, OPA_POLICIES } from "../../core/bundle.js";
import { instantOf, type Clock } from "../../core/clock.js";
import { AppError } from "../../core/error.js";
import type { Environment } from "../../core/organization.js";
import type { Principal } from "../../core/token.js";
import type { Reader, Store, Writer } from "../../store/store.js";
import { requireChangeable } from "../access/access.js";
import { visibleArtifact } from "./artifacts.js";
import { reasonOf, type Audit } from "../audit/audit.js";
import { checkQuota, checkSequence } from "./activation.js";
import { bundleEvent } from "./bundle-events.js";
import type { BundleDescription, BundleDraft, BundleWriter } from "./bundle-writer.js";
import type { PolicySchemas } from "./policy-schemas.js";
import type { BundleVerifier } from "./bundle-verifier.js";
import { ownerOf, type ChangeRequest } from "../access/caller.js";
import type { Documents } from "../documents/documents.js";
import type { Idempotency, Remember } from "../changes/idempotency.js";
import { retryOnConflict } from "../changes/retry-on-conflict.js";
import type { Outbox } from "../changes/outbox.js";
import type { Wakeups } from "../changes/wakeups.js";

/** The title and description of the promoted bundle, and why it is promoted. */
export interface ArtifactTitle {
  readonly title: string | null;
  readonly description: string | null;
  /** At most 1,000 characters. */
  readonly reason: string | null;
}

/** The result of a promotion: the artifact and its bundle. */
export interface PromotedArtifact {
  readonly artifactId: string;
  readonly state: BundleState;
}

/** Publishes artifacts. */
export class ArtifactPromotions {
  constructor(
    private readonly deps: {
      readonly store: Store;
      readonly clock: Clock;
      readonly documents: Documents;
      readonly policySchemas: PolicySchemas;
      readonly writer: BundleWriter;
      readonly verifier: BundleVerifier;
      readonly audit: Audit;
      readonly idempotency: Idempotency;
      readonly wakeups: Wakeups;
      readonly outbox: Outbox;
    },
  ) {}

  /**
   * Publishes an artifact to the first environment of its project and activates it. For one that is promoted already it returns the first
   * result, whatever the title: there is never a second bundle, not even by concurrent calls.
   */
  async promote(caller: ChangeRequest, id: string, about: ArtifactTitle): Promise<PromotedArtifact> {
    const { idempotency } = this.deps;
    const { title, description, reason } = about;
    const request = { id, title, description, reason };
    return await idempotency.run(caller, "promoteArtifact", request, (remember) =>
      retryOnConflict(() => this.#once(caller, id, about, remember)),
    );
  }

  /** Null if another environment became the first one, or the schema another one, while the content was signed. */
  async #once(
    caller: ChangeRequest,
    id: string,
    { title, description, reason }: ArtifactTitle,
    remember: Remember<PromotedArtifact>,
  ): Promise<PromotedArtifact | null> {
    const { store, documents, policySchemas, writer, verifier, wakeups, outbox } = this.deps;
    const seen = await visibleArtifact(store.read, caller.principal, id);
    if (seen.promotion !== null) return answerOf(seen, seen.promotion);
    const target = await firstEnvironment(store.read, caller.principal, seen);
    await checkQuota(store.read, target);
    const kept = await store.read.content(seen.contentId);
    if (kept === null) return null;
    await verifier.requireContent(kept);
    await this.#requireRecorded(seen);
    const about: BundleDescription = {
      ...{ title, description, publishedBy: null, labels: {}, source: null, origin: "publish" },
      mediaType: publishedType(seen.mediaType),
    };
    // From an environment to itself: no rewriting.
    const content = await documents.promoteContent(caller.principal, kept, target.name, target.name);
    const schemaHash = await policySchemas.require(ownerOf(caller), seen.projectId, content.content);
    const draft = await writer.sign(target, content, about);

    const promoted = await store.write(async (tx) => {
      const artifact = await visibleArtifact(tx, caller.principal, id);
      if (artifact.promotion === null && (await tx.policySchemaHash(artifact.projectId)) !== schemaHash) return null;
      const answer = await this.#promoteIn(tx, caller, artifact, target, draft, reason);
      if (answer !== null) await remember(tx, answer);
      return answer;
    });
    if (promoted !== null) wakeups.wake(target.id);
    outbox.committed();
    return promoted;
  }

  /**
   * A draft has no signature of its own, but the audit log has a signed event with the hash of its content. Throws `data_loss` if that
   * event is missing, or names other content or another media type.
   */
  async #requireRecorded({ id, orgId, contentId, mediaType }: Artifact): Promise<void> {
    const { audit } = this.deps;
    const recorded = await audit.recorded(orgId, { action: "artifact.created", resourceId: id });
    if (recorded?.content_sha256 === contentId && recorded.media_type === mediaType) return;
    throw new AppError("data_loss", "the artifact differs from the audit log: submit it again");
  }

  async #promoteIn(
    tx: Writer,
    caller: ChangeRequest,
    artifact: Artifact,
    signedFor: Environment,
    draft: BundleDraft,
    reason: string | null,
  ): Promise<PromotedArtifact | null> {
    const { writer, audit, outbox, clock } = this.deps;
    const { principal } = caller;
    if (artifact.promotion !== null) return answerOf(artifact, artifact.promotion);
    const environment = await firstEnvironment(tx, principal, artifact);
    if (environment.id !== signedFor.id) return null;
    checkSequence(environment, caller.ifSequence);
    const state = await writer.publishIn(tx, principal, environment, draft, { activate: true, reason });
    await tx.updateArtifact({ ...artifact, promotion: { at: instantOf(clock.now()), state } });
    await audit.record(tx, artifact.orgId, principal, {
      action: "artifact.promoted",
      resourceType: "artifact",
      resourceId: artifact.id,
      metadata: {
        project_id: artifact.projectId,
        environment: environment.name,
        bundle_id: state.bundle.id,
        version: state.bundle.version,
        deployment_id: state.deploymentId,
        ...reasonOf(reason),
      },
    });
    const about = { artifact_id: artifact.id, name: artifact.name, ...reasonOf(reason) };
    await outbox.emit(tx, await bundleEvent(tx, principal, "artifact.promoted", environment, state, about));
    return { artifactId: artifact.id, state };
  }
}

/** The first environment of the artifact's project. Throws `no_target` without one, `forbidden` if the token may not change it. */
async function firstEnvironment(reader: Reader, principal: Principal, { projectId }: Artifact): Promise<Environment> {
  const [first] = await reader.environments(projectId);
  if (first === undefined) throw new AppError("no_target", "the project has no environment to promote to");
  requireChangeable(principal, first.name);
  return first;
}

function answerOf({ id }: Artifact, { state }: ArtifactPromotion): PromotedArtifact {
  return { artifactId: id, state };
}

/** Of the bundle that an artifact becomes: what was handed in as YAML is kept as JSON. */
function publishedType(mediaType: string): MediaType {
  return mediaType === OPA_POLICIES ? OPA_POLICIES : JSON_POLICIES;
}

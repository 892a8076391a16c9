import { policyFormat, type Artifact, type ArtifactStatus } from "../../core/artifact.js";
import { type Content, JSON_POLICIES, mediaTypeOf } from "../../core/bundle.js";
import { instantOf, type Clock } from "../../core/clock.js";
import { AppError, invalidField, notFound } from "../../core/error.js";
import type { Principal } from "../../core/token.js";
import type { Listed } from "../../store/page.js";
import type { Reader, Store } from "../../store/store.js";
import { visibleProject } from "../access/access.js";
import { actorOf, type Audit } from "../audit/audit.js";
import type { ChangeRequest } from "../access/caller.js";
import type { Documents } from "../documents/documents.js";
import type { Idempotency } from "../changes/idempotency.js";
import { readJsonString, type PolicyContent } from "../documents/policy-content.js";
import { MAX_YAML_LENGTH } from "../documents/document-tasks.js";
import { yamlTooLong } from "../documents/documents.js";
import { newRowId } from "../changes/row-id.js";

const MAX_DRAFTS = 1_000;

/** A new artifact. */
export interface ArtifactInput {
  readonly projectId: string;
  /** A JSON text: an object, or with a YAML media type a string with YAML. */
  readonly policies: string;
  readonly name: string | null;
  readonly mediaType: string | null;
}

/** An artifact with its document. */
export interface ArtifactWithContent {
  readonly artifact: Artifact;
  readonly content: Content;
}

/** Creates, lists, shows and deletes artifacts; artifact-promotion.ts publishes them. */
export class Artifacts {
  constructor(
    private readonly deps: {
      readonly store: Store;
      readonly clock: Clock;
      readonly audit: Audit;
      readonly idempotency: Idempotency;
      readonly documents: Documents;
    },
  ) {}

  /** Creates a draft. Throws `invalid`, `not_found` and `quota_exceeded` (1,000 drafts in a project). */
  async create(caller: ChangeRequest, input: ArtifactInput): Promise<Artifact> {
    const mediaType = (input.mediaType ?? JSON_POLICIES).toLowerCase();
    const content = await this.#contentOf(caller.principal, input.policies, mediaType);
    const { store, clock, audit, idempotency } = this.deps;
    const { principal } = caller;
    const { projectId, name } = input;
    // The text by its hash: hashing the request must not cost more than reading the document.
    const request = { ...input, policies: content.content.id };
    return await idempotency.run(caller, "createArtifact", request, (remember) =>
      store.write(async (tx) => {
        await visibleProject(tx, principal, projectId);
        if ((await tx.countDrafts(projectId)) >= MAX_DRAFTS) {
          throw new AppError("quota_exceeded", `a project has at most ${MAX_DRAFTS} drafts`);
        }
        const artifact: Artifact = {
          ...{ id: newRowId(), orgId: principal.orgId, projectId, name, mediaType },
          ...{ contentId: content.content.id, createdBy: actorOf(principal) },
          ...{ createdAt: instantOf(clock.now()), promotion: null },
        };
        await tx.putContent(content.content);
        await tx.insertArtifact(artifact);
        await audit.record(tx, artifact.orgId, principal, {
          action: "artifact.created",
          resourceType: "artifact",
          resourceId: artifact.id,
          metadata: { project_id: projectId, name, media_type: mediaType, content_sha256: artifact.contentId },
        });
        await remember(tx, artifact);
        return artifact;
      }),
    );
  }

  /** The artifacts of a project, or of all that the token sees; none for a runtime token. */
  async list(
    caller: Principal,
    filter: { projectId: string | undefined; status: ArtifactStatus | undefined },
    limit: number | undefined,
    offset: number,
  ): Promise<Listed<Artifact> & { limit: number }> {
    const { read } = this.deps.store;
    const page = { limit: limit ?? 25, offset };
    const { status } = filter;
    if (filter.projectId !== undefined) await visibleProject(read, caller, filter.projectId);
    if (caller.environmentId !== null) return { rows: [], total: 0, limit: page.limit };
    const projectId = filter.projectId ?? caller.projectId ?? undefined;
    const listed = await read.artifacts({
      ...{ orgId: caller.orgId, ...page },
      ...(projectId === undefined ? {} : { projectId }),
      ...(status === undefined ? {} : { status }),
    });
    return { ...listed, limit: page.limit };
  }

  /** Throws `not_found`. */
  async get(caller: Principal, id: string): Promise<ArtifactWithContent> {
    const { read } = this.deps.store;
    const artifact = await visibleArtifact(read, caller, id);
    const content = await read.content(artifact.contentId);
    // Deleted between the two reads.
    if (content === null) throw notFound("artifact");
    return { artifact, content };
  }

  /** Deletes an artifact; a bundle that was published from it stays. Throws `not_found`. */
  async delete(caller: Principal, id: string): Promise<void> {
    await this.deps.store.write(async (tx) => {
      const artifact = await visibleArtifact(tx, caller, id);
      const { projectId, name, promotion } = artifact;
      await tx.deleteArtifact(artifact);
      await this.deps.audit.record(tx, caller.orgId, caller, {
        action: "artifact.deleted",
        resourceType: "artifact",
        resourceId: artifact.id,
        metadata: { project_id: projectId, name, promoted: promotion !== null },
      });
    });
  }

  async #contentOf(caller: Principal, policies: string, mediaType: string): Promise<PolicyContent> {
    const format = policyFormat(mediaType);
    if (format === null) throw invalidField(["media_type"], "must be one of JSON, YAML or kind OPA", "media_type");
    const { documents } = this.deps;
    if (format === "json")
      return await documents.readPolicyContent(caller, policies, null, mediaTypeOf(mediaType) ?? JSON_POLICIES);
    // Escaping makes a text at most six times as long; the reader checks the text itself.
    if (policies.length > 6 * MAX_YAML_LENGTH + 2) throw yamlTooLong("policies");
    const text = await documents.yamlToJson(caller, "policies", readJsonString("policies", policies));
    return await documents.readPolicyContent(caller, text, null);
  }
}

/** The artifact, if the token sees it. Throws the same `not_found` for one that does not exist and one that it must not see. */
export async function visibleArtifact(reader: Reader, principal: Principal, id: string): Promise<Artifact> {
  const artifact = principal.environmentId === null ? await reader.artifact(principal.orgId, id.toLowerCase()) : null;
  const isSeen = principal.projectId === null || principal.projectId === artifact?.projectId;
  if (artifact === null || !isSeen) throw notFound("artifact", id);
  return artifact;
}

import { policyFormat, type Artifact, type ArtifactStatus } from "../../core/artifact.js";
import type { Content } from "../../core/bundle.js";
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
import { MAX_YAML_LENGTH, yamlTooLong, type YamlReader } from "../documents/yaml-reader.js";
import { newRowId } from "../changes/row-id.js";

const MAX_DRAFTS = 1_000;
const DEFAULT_MEDIA_TYPE = "application/json";

export interface ArtifactInput {
  readonly projectId: string;
  /** A JSON text: an object, or with a YAML media type a string that holds YAML. */
  readonly policies: string;
  readonly name: string | null;
  readonly mediaType: string | null;
}

export interface ArtifactWithContent {
  readonly artifact: Artifact;
  readonly content: Content;
}

/** Keeps, shows and deletes policy documents before they are bundles. */
export class Artifacts {
  constructor(
    private readonly deps: {
      readonly store: Store;
      readonly clock: Clock;
      readonly audit: Audit;
      readonly idempotency: Idempotency;
      readonly documents: Documents;
      readonly yaml: YamlReader;
    },
  ) {}

  async create(caller: ChangeRequest, input: ArtifactInput): Promise<Artifact> {
    const mediaType = (input.mediaType ?? DEFAULT_MEDIA_TYPE).toLowerCase();
    const content = await this.#contentOf(caller.principal, input.policies, mediaType);
    const { store, clock, audit, idempotency } = this.deps;
    const { principal } = caller;
    const { projectId, name } = input;
    // The text by its hash: hashing a request must not cost more than the document did.
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

  /** Of one project, or of all that the token sees; a runtime token sees none. */
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

  async get(caller: Principal, id: string): Promise<ArtifactWithContent> {
    const { read } = this.deps.store;
    const artifact = await visibleArtifact(read, caller, id);
    const content = await read.content(artifact.contentId);
    // Deleted between the two reads.
    if (content === null) throw notFound("artifact");
    return { artifact, content };
  }

  /** The bundle that it was promoted to stays. */
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
    if (format === null) throw invalidField(["media_type"], "must be one of JSON or YAML", "media_type");
    const { documents, yaml } = this.deps;
    if (format === "json") return await documents.readPolicyContent(caller, policies, null);
    // Six times as much when every character is escaped; the reader looks at the text itself.
    if (policies.length > 6 * MAX_YAML_LENGTH + 2) throw yamlTooLong("policies");
    const text = await yaml.toJson(caller, "policies", readJsonString("policies", policies));
    return await documents.readPolicyContent(caller, text, null);
  }
}

/** The artifact, if this token sees it. Throws `not_found` for what is not there and for what it does not see, alike. */
export async function visibleArtifact(reader: Reader, principal: Principal, id: string): Promise<Artifact> {
  const artifact = principal.environmentId === null ? await reader.artifact(principal.orgId, id.toLowerCase()) : null;
  const isSeen = principal.projectId === null || principal.projectId === artifact?.projectId;
  if (artifact === null || !isSeen) throw notFound("artifact", id);
  return artifact;
}

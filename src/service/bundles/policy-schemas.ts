import { createHash } from "node:crypto";
import { LRUCache } from "lru-cache";
import type { Content } from "../../core/bundle.js";
import { instantOf, type Clock } from "../../core/clock.js";
import { AppError, notFound } from "../../core/error.js";
import type { PolicySchema } from "../../core/policy-schema.js";
import type { Principal } from "../../core/token.js";
import { MAX_SCHEMA_BYTES } from "../../policy-schema/compile-schema.js";
import type { Store } from "../../store/store.js";
import { visibleProject } from "../access/access.js";
import { actorOf, type Audit } from "../audit/audit.js";
import type { DocumentOwner } from "../documents/document-workers.js";
import type { Documents } from "../documents/documents.js";

/** Contents that fit a schema, as pairs of their hashes: some 200 bytes each. */
const MAX_KNOWN = 10_000;

/** The JSON Schemas that projects demand of their policies. */
export class PolicySchemas {
  readonly #fitting = new LRUCache<string, true>({ max: MAX_KNOWN });

  constructor(
    private readonly deps: {
      readonly store: Store;
      readonly clock: Clock;
      readonly audit: Audit;
      readonly documents: Documents;
    },
  ) {}

  /**
   * Demands a schema of the policies that are published and promoted from now on. Throws `too_large` above 256 KiB, and as
   * compileSchema.
   */
  async set(caller: Principal, projectId: string, text: string, signal?: AbortSignal): Promise<PolicySchema> {
    const { store, clock, audit, documents } = this.deps;
    if (Buffer.byteLength(text) > MAX_SCHEMA_BYTES)
      throw new AppError("too_large", `a schema has at most ${MAX_SCHEMA_BYTES / 1024} KiB`);
    await documents.compileSchema({ ...caller, ...(signal === undefined ? {} : { signal }) }, text);
    const hash = `sha256:${createHash("sha256").update(text).digest("hex")}`;
    return await store.write(async (tx) => {
      const { id, orgId } = await visibleProject(tx, caller, projectId);
      const before = await tx.policySchema(id);
      // The same text again changes nothing.
      if (before?.hash === hash) return before;
      const schema = {
        projectId: id,
        orgId,
        hash,
        text,
        updatedBy: actorOf(caller),
        updatedAt: instantOf(clock.now()),
      };
      await tx.putPolicySchema(schema);
      await audit.record(tx, orgId, caller, {
        ...{ action: "schema.updated", resourceType: "project", resourceId: id },
        metadata: { project_id: id, from_schema_hash: before?.hash ?? null, schema_hash: hash },
      });
      return schema;
    });
  }

  /** Throws `not_found`. */
  async get(caller: Principal, projectId: string): Promise<PolicySchema> {
    const { read } = this.deps.store;
    const { id } = await visibleProject(read, caller, projectId);
    const schema = await read.policySchema(id);
    if (schema === null) throw notFound("schema");
    return schema;
  }

  /** Demands no schema any more. Throws `not_found`. */
  async delete(caller: Principal, projectId: string): Promise<void> {
    const { store, audit } = this.deps;
    await store.write(async (tx) => {
      const { id, orgId } = await visibleProject(tx, caller, projectId);
      const schema = await tx.policySchema(id);
      if (schema === null) throw notFound("schema");
      await tx.deletePolicySchema(id);
      await audit.record(tx, orgId, caller, {
        ...{ action: "schema.deleted", resourceType: "project", resourceId: id },
        metadata: { project_id: id, from_schema_hash: schema.hash },
      });
    });
  }

  /**
   * Checks a content against the schema of the project in which it becomes a version. Returns the hash of the schema, null without one: it
   * must still be the project's in the transaction that keeps the version. Throws `invalid` with the fields of `policies` that do not fit.
   */
  async require(owner: DocumentOwner, projectId: string, { id, policies }: Content): Promise<string | null> {
    const { store, documents } = this.deps;
    const hash = await store.read.policySchemaHash(projectId);
    if (hash === null || this.#fitting.has(`${hash} ${id}`)) return hash;
    const schema = await store.read.policySchema(projectId);
    if (schema === null) return null;
    await documents.checkSchema(owner, schema, policies);
    this.#fitting.set(`${schema.hash} ${id}`, true);
    return schema.hash;
  }
}

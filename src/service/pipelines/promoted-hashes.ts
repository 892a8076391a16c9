import { LRUCache } from "lru-cache";
import { AppError } from "../../core/error.js";
import type { PipelineApp } from "../../core/pipeline.js";
import type { Reader } from "../../store/store.js";
import type { DocumentOwner } from "../documents/document-workers.js";
import type { Documents } from "../documents/documents.js";

/** Some 200 bytes each. */
const MAX_KEPT = 20_000;
/** Instead of a hash: scope policies would collide. */
const NONE = "";

/**
 * The policy hashes that contents have in other environments. A content never changes, so that each is made once for a content and a pair
 * of names, and kept: a pipeline of many apps would otherwise be a promotion of a large document for each, at every look at it.
 */
export class PromotedHashes {
  readonly #rewritten = new LRUCache<string, boolean>({ max: MAX_KEPT });
  readonly #hashes = new LRUCache<string, string>({ max: MAX_KEPT });

  constructor(private readonly documents: Documents) {}

  /** Of what is active in an app. Null when no promotion would bring it, or the content went away meanwhile. */
  async hash(
    caller: DocumentOwner,
    reader: Reader,
    { environment, active }: PipelineApp,
    toEnvironment: string,
  ): Promise<string | null> {
    if (active === null) return null;
    const { contentId, policyHash } = active;
    const from = environment.name;
    // The hash survives a promotion that rewrites nothing.
    if (from === toEnvironment || !(await this.#isRewritten(caller, reader, contentId, from))) return policyHash;
    const key = `${contentId} ${from} ${toEnvironment}`;
    const known = this.#hashes.get(key) ?? (await this.#promotedHash(caller, reader, contentId, [from, toEnvironment]));
    if (known === null) return null;
    this.#hashes.set(key, known);
    return known === NONE ? null : known;
  }

  async #isRewritten(caller: DocumentOwner, reader: Reader, contentId: string, from: string): Promise<boolean> {
    const key = `${contentId} ${from}`;
    const known = this.#rewritten.get(key);
    if (known !== undefined) return known;
    const scopes = await reader.scopePolicies(contentId);
    if (scopes === null) return false;
    const isRewritten = await this.documents.namesEnvironment(caller, scopes, from);
    this.#rewritten.set(key, isRewritten);
    return isRewritten;
  }

  async #promotedHash(
    caller: DocumentOwner,
    reader: Reader,
    contentId: string,
    [from, to]: readonly [string, string],
  ): Promise<string | null> {
    const content = await reader.content(contentId);
    if (content === null) return null;
    try {
      return (await this.documents.promoteContent(caller, content, from, to)).canonical.policyHash;
    } catch (thrown) {
      if (thrown instanceof AppError && thrown.code === "invalid") return NONE;
      throw thrown;
    }
  }
}

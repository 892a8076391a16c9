import type { Content } from "../../core/bundle.js";
import type { DocumentOwner } from "../documents/document-workers.js";
import type { Documents } from "../documents/documents.js";
import type { PolicyContent } from "../documents/policy-content.js";

/** One content for many environments that it is promoted to: made once for all whose names make no difference to it. */
export class PromotedContents {
  readonly #made = new Map<string, Promise<PolicyContent>>();
  #namesSource: Promise<boolean> | null = null;

  constructor(
    private readonly documents: Documents,
    private readonly owner: DocumentOwner,
    private readonly content: Content,
    private readonly fromEnvironment: string,
  ) {}

  /** As promoteContent. */
  async for(toEnvironment: string): Promise<PolicyContent> {
    const { documents, owner, content, fromEnvironment } = this;
    this.#namesSource ??= documents.namesEnvironment(owner, content.scopePolicies, fromEnvironment);
    const key = (await this.#namesSource) ? toEnvironment : "";
    const made = this.#made.get(key) ?? documents.promoteContent(owner, content, fromEnvironment, toEnvironment);
    this.#made.set(key, made);
    return await made;
  }
}

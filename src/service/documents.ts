import type { StrictJson, StrictJsonOptions } from "../bundle/strict-json.js";
import type { Content } from "../core/bundle.js";
import { runDocumentTask, sizeOf, type DocumentAnswers, type DocumentTask } from "./document-tasks.js";
import { DocumentWorkers } from "./document-workers.js";
import type { PolicyContent } from "./policy-content.js";

/**
 * Up to so many characters a document is worked on at once: it takes the event loop less than 2 ms, and to hand it to another thread
 * and back as much as that on a busy machine.
 */
const MAX_INLINE_CHARACTERS = 64 * 1024;

/** What is done with whole documents: small ones here and now, large ones on another thread, so that nobody waits for them. */
export class Documents implements AsyncDisposable {
  readonly #workers = new DocumentWorkers();

  /** As scanStrictJson. */
  scan(text: string, options: StrictJsonOptions): Promise<StrictJson> {
    return this.#run({ kind: "scan", text, options });
  }

  /** As readPolicyContent. */
  readPolicyContent(policies: string | null, scopePolicies: string | null): Promise<PolicyContent> {
    return this.#run({ kind: "read", policies, scopePolicies });
  }

  /** As promoteContent. */
  promoteContent(content: Content, fromEnvironment: string, toEnvironment: string): Promise<PolicyContent> {
    return this.#run({ kind: "promote", content, from: fromEnvironment, to: toEnvironment });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#workers[Symbol.asyncDispose]();
  }

  /** Throws also `unavailable` when too many large documents wait already, and `internal` when a thread ends. */
  async #run<K extends DocumentTask["kind"]>(task: DocumentTask & { readonly kind: K }): Promise<DocumentAnswers[K]> {
    const answer = sizeOf(task) <= MAX_INLINE_CHARACTERS ? runDocumentTask(task) : await this.#workers.run(task);
    return answer as DocumentAnswers[K];
  }
}

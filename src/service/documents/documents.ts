import type { StrictJson, StrictJsonOptions } from "../../bundle/strict-json.js";
import { type Content, JSON_POLICIES, type MediaType, OPA_POLICIES } from "../../core/bundle.js";
import type { Difference } from "../../core/difference.js";
import { invalidField, type AppError } from "../../core/error.js";
import { FairScheduler } from "../../core/schedule/fair-scheduler.js";
import { UNGUARDED, type LargeWork } from "../../core/schedule/large-work.js";
import {
  MAX_YAML_LENGTH,
  runDocumentTask,
  sizeOf,
  type Comparison,
  type DocumentAnswers,
  type DocumentTask,
} from "./document-tasks.js";
import type { DocumentThreadOptions } from "./document-thread.js";
import { DocumentWorkers, MAX_WAITING, TOO_MANY_DOCUMENTS, type DocumentOwner } from "./document-workers.js";
import type { Provenance } from "../../bundle/envelope/provenance.js";
import type { DocumentDigests, PoliciesOfDocument } from "./kept-document.js";
import type { OpaArchiveRequest, UnsignedOpaTar } from "./opa-archive.js";
import type { OpaDecisions, OpaStatus } from "./opa-reports.js";
import type { OpenedImport } from "./imported-document.js";
import type { PolicyContent } from "./policy-content.js";

/**
 * Up to so many characters a document is worked on at once: it takes the event loop less than 2 ms, and to hand it to another thread
 * and back as much as that on a busy machine.
 */
const MAX_INLINE_CHARACTERS = 64 * 1024;

/** At once: one that is read while another is compared. Each holds two documents. */
const MAX_DIFFS = 2;

/** One text is read at a time, by a thread of its own: it waits for no large document. */
const YAML_LIMITS = {
  concurrency: 1,
  maxWaiting: 32,
  refusal: { message: "too many YAML documents are waiting", reason: "too_many_documents" },
};
const YAML_TIMEOUT_MS = 15_000;
/** A text with as many tokens as it may have takes less than half of it. */
const YAML_HEAP_MIB = 192;

/** Schemas are compiled and checked one at a time, by a thread of its own: one that takes too long holds up no other document. */
const SCHEMA_LIMITS = {
  concurrency: 1,
  maxWaiting: 64,
  refusal: { message: "too many documents are waiting for a check against a schema", reason: "too_many_documents" },
};
/** Without the time that a large document takes besides. */
const SCHEMA_TIMEOUT_MS = 5_000;

/** Whether it is a request's body, for which the guard was asked when it came. */
const IS_OF_BODY: Readonly<Record<DocumentTask["kind"], boolean>> = {
  scan: true,
  read: true,
  promote: false,
  verify: false,
  content: false,
  policies: false,
  import: true,
  count_events: true,
  names_environment: false,
  opa_archive: false,
  opa_status: true,
  opa_decisions: true,
  diff: false,
  compare: false,
};

/** Bounds of the work on documents. */
export interface DocumentsOptions extends DocumentThreadOptions {
  /** Asked before large documents are worked on that did not come as a body. */
  readonly guard: LargeWork;
}

/** For commands that do not serve, and tests. */
export const DEFAULT_DOCUMENTS: DocumentsOptions = {
  timeoutMs: 120_000,
  diffTimeoutMs: 30_000,
  maxHeapMib: 512,
  guard: UNGUARDED,
};

/** Work on whole documents: small ones at once, large ones on another thread, so that the event loop does not wait for them. */
export class Documents implements AsyncDisposable {
  readonly #workers: DocumentWorkers;
  readonly #yaml: DocumentWorkers;
  readonly #schemas: DocumentWorkers;
  readonly #diffs = new FairScheduler({
    concurrency: MAX_DIFFS,
    maxWaiting: MAX_WAITING,
    refusal: TOO_MANY_DOCUMENTS,
  });

  constructor(private readonly options: DocumentsOptions) {
    this.#workers = new DocumentWorkers(options);
    this.#yaml = new DocumentWorkers(
      { ...options, timeoutMs: YAML_TIMEOUT_MS, maxHeapMib: YAML_HEAP_MIB },
      YAML_LIMITS,
    );
    this.#schemas = new DocumentWorkers({ ...options, timeoutMs: SCHEMA_TIMEOUT_MS, thread: "schemas" }, SCHEMA_LIMITS);
  }

  /** As scanStrictJson. */
  scan(owner: DocumentOwner, text: string, options: StrictJsonOptions): Promise<StrictJson> {
    return this.#run(owner, { kind: "scan", text, options });
  }

  /** As readPolicyContent. */
  readPolicyContent(
    owner: DocumentOwner,
    policies: string,
    scopePolicies: string | null,
    mediaType: MediaType = JSON_POLICIES,
  ): Promise<PolicyContent> {
    return this.#run(owner, { kind: "read", policies, scopePolicies, mediaType });
  }

  /** As promoteContent. */
  promoteContent(
    owner: DocumentOwner,
    content: Content,
    fromEnvironment: string,
    toEnvironment: string,
  ): Promise<PolicyContent> {
    return this.#run(owner, { kind: "promote", content, from: fromEnvironment, to: toEnvironment });
  }

  /** As verifyKeptDocument. */
  verify(owner: DocumentOwner, document: string, publicKey: Uint8Array): Promise<DocumentDigests | string> {
    return this.#run(owner, { kind: "verify", document, publicKey });
  }

  /** As contentOfDocument. */
  content(owner: DocumentOwner, document: string): Promise<string> {
    return this.#run(owner, { kind: "content", document });
  }

  /** As policiesOfDocument. */
  policies(owner: DocumentOwner, document: string): Promise<PoliciesOfDocument> {
    return this.#run(owner, { kind: "policies", document });
  }

  /** As openImport. */
  openImport(
    owner: DocumentOwner,
    document: string,
    provenance: Provenance,
    toEnvironment: string,
  ): Promise<OpenedImport> {
    return this.#run(owner, { kind: "import", document, provenance, toEnvironment });
  }

  /** As unsignedOpaTar. */
  opaArchive(owner: DocumentOwner, request: OpaArchiveRequest): Promise<UnsignedOpaTar> {
    return this.#run(owner, { kind: "opa_archive", ...request });
  }

  /** As readOpaStatus. */
  opaStatus(owner: DocumentOwner, text: string): Promise<OpaStatus> {
    return this.#run(owner, { kind: "opa_status", text });
  }

  /** As readOpaDecisions. */
  opaDecisions(owner: DocumentOwner, text: string, head: string | null): Promise<OpaDecisions> {
    return this.#run(owner, { kind: "opa_decisions", text, head });
  }

  /** As namesEnvironment, of the text of scope policies that are kept. */
  namesEnvironment(owner: DocumentOwner, scopePolicies: string, environment: string): Promise<boolean> {
    return this.#run(owner, { kind: "names_environment", scopePolicies, environment });
  }

  /** As countEvents. */
  countEvents(owner: DocumentOwner, text: string): Promise<number> {
    return this.#run(owner, { kind: "count_events", text });
  }

  /** As readYaml, for a text of at most MAX_YAML_LENGTH. Throws `invalid` about `field` for what takes too much time or memory, too. */
  async yamlToJson(owner: DocumentOwner, field: string, text: string): Promise<string> {
    if (text.length > MAX_YAML_LENGTH) throw yamlTooLong(field);
    return (await this.#yaml.run({ kind: "yaml", field, text }, owner)) as string;
  }

  /** As diffJson, of the texts of policies that are kept. `load` is called with the lease: waiting callers hold no document. */
  async diff(owner: DocumentOwner, load: () => Promise<readonly [from: string, to: string]>): Promise<string> {
    using _lease = await this.#diffs.acquire(owner, owner.signal);
    const [from, to] = await load();
    return await this.#run(owner, { kind: "diff", from, to });
  }

  /** As compileSchema; throws `invalid` about `schema` for one that takes too much time or memory, too. */
  async compileSchema(owner: DocumentOwner, schema: string): Promise<void> {
    await this.#schemas.run({ kind: "schema_compile", schema }, owner);
  }

  /**
   * As CheckPolicies, of policies that are kept or were read; throws `invalid` about `policies` when it takes too much time or memory, too.
   * `hash` names the text of the schema.
   */
  async checkSchema(
    owner: DocumentOwner,
    { text, hash }: { readonly text: string; readonly hash: string },
    policies: string,
  ): Promise<void> {
    await this.#schemas.run({ kind: "schema_check", schema: text, hash, policies }, owner);
  }

  /** What differs between two documents, as changesOf; throws as rewriteScopePolicies. `load` is called as in `diff`. */
  async compare(owner: DocumentOwner, load: () => Promise<Comparison>): Promise<Difference> {
    using _lease = await this.#diffs.acquire(owner, owner.signal);
    return await this.#run(owner, { kind: "compare", ...(await load()) });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.#workers, this.#yaml, this.#schemas].map((workers) => workers[Symbol.asyncDispose]()));
  }

  /** Throws also what DocumentWorkers.run throws. */
  async #run<K extends DocumentTask["kind"]>(
    owner: DocumentOwner,
    task: DocumentTask & { readonly kind: K },
  ): Promise<DocumentAnswers[K]> {
    if (isSmall(task)) return runDocumentTask(task) as DocumentAnswers[K];
    using _work = IS_OF_BODY[task.kind] ? null : this.options.guard.begin();
    const answer = await this.#workers.run(task, owner);
    return answer as DocumentAnswers[K];
  }
}

/** Policies of kind OPA may have YAML, whose parsing is slow. */
function isSmall(task: DocumentTask): boolean {
  const isOpa = (task.kind === "read" || task.kind === "opa_archive") && task.mediaType === OPA_POLICIES;
  return !isOpa && sizeOf(task) <= MAX_INLINE_CHARACTERS;
}

/** The refusal of YAML above MAX_YAML_LENGTH. */
export function yamlTooLong(field: string): AppError {
  return invalidField([field], `YAML must be at most ${MAX_YAML_LENGTH} characters; send JSON instead`, "too_long");
}

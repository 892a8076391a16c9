import { changesOf } from "../../bundle/json-changes.js";
import { diffJson } from "../../bundle/json-diff.js";
import {
  formatScopePolicies,
  namesEnvironment,
  readScopePolicies,
  rewriteScopePolicies,
} from "../../bundle/scope-policies.js";
import { servedText } from "../../bundle/served-text.js";
import { scanStrictJson, type StrictJson, type StrictJsonOptions } from "../../bundle/strict-json.js";
import type { Content, MediaType } from "../../core/bundle.js";
import type { Provenance } from "../../bundle/envelope/provenance.js";
import { openImport, type OpenedImport } from "./imported-document.js";
import type { Difference } from "../../core/difference.js";
import {
  contentOfDocument,
  policiesOfDocument,
  verifyKeptDocument,
  type DocumentDigests,
  type PoliciesOfDocument,
} from "./kept-document.js";
import { unsignedOpaTar, type OpaArchiveRequest, type UnsignedOpaTar } from "./opa-archive.js";
import { readOpaDecisions, readOpaStatus, type OpaDecisions, type OpaStatus } from "./opa-reports.js";
import { promoteContent, readPolicyContent, type PolicyContent } from "./policy-content.js";

/** The largest diff: a caller can make a larger one from both documents. */
const DIFF_BOUNDS = { maxOperations: 100_000, maxLength: 4 * 1024 * 1024 };

/** How much of a comparison is shown: an answer of some 300 KiB at most. */
const CHANGE_BOUNDS = { maxChanges: 1_000, maxValueLength: 2_000, maxExcerptLength: 200, maxLength: 256 * 1024 };

/** The texts of a policy document. */
export type ContentTexts = Pick<Content, "policies" | "scopePolicies">;

/** Two policy documents; null for none, where nothing is active. */
export interface Comparison {
  readonly before: ContentTexts | null;
  readonly after: ContentTexts;
  /** The environments of a promotion that has not rewritten the scope policies of `after` yet. */
  readonly promotion?: { readonly from: string; readonly to: string };
}

/** Work whose time grows with a document. Everything in it can be sent to another thread. */
export type DocumentTask =
  | { readonly kind: "scan"; readonly text: string; readonly options: StrictJsonOptions }
  | {
      readonly kind: "read";
      readonly policies: string;
      readonly scopePolicies: string | null;
      /** JSON by default. */
      readonly mediaType?: MediaType;
    }
  | { readonly kind: "promote"; readonly content: Content; readonly from: string; readonly to: string }
  | { readonly kind: "verify"; readonly document: string; readonly publicKey: Uint8Array }
  | { readonly kind: "content"; readonly document: string }
  | { readonly kind: "policies"; readonly document: string }
  | {
      readonly kind: "import";
      readonly document: string;
      readonly provenance: Provenance;
      readonly toEnvironment: string;
    }
  | { readonly kind: "names_environment"; readonly scopePolicies: string; readonly environment: string }
  | { readonly kind: "count_events"; readonly text: string }
  | { readonly kind: "diff"; readonly from: string; readonly to: string }
  | ({ readonly kind: "opa_archive" } & OpaArchiveRequest)
  | { readonly kind: "opa_status"; readonly text: string }
  | { readonly kind: "opa_decisions"; readonly text: string; readonly head: string | null }
  | ({ readonly kind: "compare" } & Comparison);

/** The longest YAML text, in UTF-16 units. JSON has the larger limit of the request. */
export const MAX_YAML_LENGTH = 256 * 1024;

/** YAML in a field of the request. Parsing is slow, and always done in a thread. */
export interface YamlTask {
  readonly kind: "yaml";
  readonly field: string;
  readonly text: string;
}

/** The result of each kind of task. */
export interface DocumentAnswers {
  readonly scan: StrictJson;
  readonly read: PolicyContent;
  readonly promote: PolicyContent;
  readonly verify: DocumentDigests | string;
  readonly content: string;
  readonly policies: PoliciesOfDocument;
  readonly import: OpenedImport;
  readonly names_environment: boolean;
  readonly count_events: number;
  readonly opa_archive: UnsignedOpaTar;
  readonly opa_status: OpaStatus;
  readonly opa_decisions: OpaDecisions;
  readonly diff: string;
  readonly compare: Difference;
}

/** Runs a task in this thread. Throws what the function of the task throws. */
export function runDocumentTask(task: DocumentTask): DocumentAnswers[DocumentTask["kind"]] {
  switch (task.kind) {
    case "scan":
      return scanStrictJson(task.text, task.options);
    case "read":
      return readPolicyContent(task.policies, task.scopePolicies, task.mediaType);
    case "promote":
      return promoteContent(task.content, task.from, task.to);
    case "verify":
      return verifyKeptDocument(task.document, task.publicKey);
    case "content":
      return contentOfDocument(task.document);
    case "policies":
      return policiesOfDocument(task.document);
    case "import":
      return openImport(task.document, task.provenance, task.toEnvironment);
    case "names_environment":
      return namesEnvironment(readScopePolicies(task.scopePolicies), task.environment);
    case "count_events":
      return countEvents(task.text);
    case "opa_archive":
      return unsignedOpaTar(task);
    case "opa_status":
      return readOpaStatus(task.text);
    case "opa_decisions":
      return readOpaDecisions(task.text, task.head);
    case "diff":
      // Older documents may spell the same numbers in another way.
      return diffJson(servedText(task.from), servedText(task.to), DIFF_BOUNDS);
    case "compare":
      return compareContents(task);
  }
}

/** How many characters of documents a task has. */
export function sizeOf(task: DocumentTask): number {
  switch (task.kind) {
    case "scan":
    case "count_events":
    case "opa_status":
    case "opa_decisions":
      return task.text.length;
    case "read":
      return task.policies.length + (task.scopePolicies?.length ?? 0);
    case "promote":
      return task.content.policies.length + task.content.scopePolicies.length;
    case "verify":
    case "content":
    case "opa_archive":
    case "policies":
    case "import":
      return task.document.length;
    case "names_environment":
      return task.scopePolicies.length;
    case "diff":
      return task.from.length + task.to.length;
    case "compare":
      return lengthOf(task.before) + lengthOf(task.after);
  }
}

function lengthOf(content: ContentTexts | null): number {
  return content === null ? 0 : content.policies.length + content.scopePolicies.length;
}

/** Throws as rewriteScopePolicies, for a document that could not be promoted. */
function compareContents({ before, after, promotion }: Comparison): Difference {
  const { policies, scopePolicies } = after;
  const promoted =
    promotion === undefined
      ? scopePolicies
      : formatScopePolicies(rewriteScopePolicies(readScopePolicies(scopePolicies), promotion.from, promotion.to));
  const nothing = { policies: "{}", scopePolicies: "{}" };
  return changesOf(wholeText(before ?? nothing), wholeText({ policies, scopePolicies: promoted }), CHANGE_BOUNDS);
}

function wholeText({ policies, scopePolicies }: ContentTexts): string {
  // Older documents may spell the same numbers in another way.
  return `{"policies":${servedText(policies)},"scope_policies":${servedText(scopePolicies)}}`;
}

/** How many events a JSON text has: an array of them, an object whose `events` is one, or one event. Throws as scanStrictJson. */
function countEvents(text: string): number {
  scanStrictJson(text, { base: ["body", "events"] });
  return countOf(JSON.parse(text));
}

function countOf(parsed: unknown): number {
  if (Array.isArray(parsed)) return parsed.length;
  if (typeof parsed !== "object" || parsed === null) return 0;
  const list: unknown = Object.hasOwn(parsed, "events") ? (parsed as { events: unknown }).events : null;
  if (Array.isArray(list)) return list.length;
  return Object.keys(parsed).length > 0 ? 1 : 0;
}

import { diffJson } from "../../bundle/json-diff.js";
import { namesEnvironment, readScopePolicies } from "../../bundle/scope-policies.js";
import { servedText } from "../../bundle/served-text.js";
import { scanStrictJson, type StrictJson, type StrictJsonOptions } from "../../bundle/strict-json.js";
import type { Content } from "../../core/bundle.js";
import type { Provenance } from "../../bundle/envelope/provenance.js";
import { openImport, type OpenedImport } from "./imported-document.js";
import { verifyKeptDocument } from "./kept-document.js";
import { promoteContent, readPolicyContent, type PolicyContent } from "./policy-content.js";

/** The largest diff: a caller can make a larger one from both documents. */
const DIFF_BOUNDS = { maxOperations: 100_000, maxLength: 4 * 1024 * 1024 };

/** Work whose time grows with a document. Everything in it can be sent to another thread. */
export type DocumentTask =
  | { readonly kind: "scan"; readonly text: string; readonly options: StrictJsonOptions }
  | { readonly kind: "read"; readonly policies: string; readonly scopePolicies: string | null }
  | { readonly kind: "promote"; readonly content: Content; readonly from: string; readonly to: string }
  | { readonly kind: "verify"; readonly document: string; readonly publicKey: Uint8Array }
  | {
      readonly kind: "import";
      readonly document: string;
      readonly provenance: Provenance;
      readonly toEnvironment: string;
    }
  | { readonly kind: "names_environment"; readonly scopePolicies: string; readonly environment: string }
  | { readonly kind: "count_events"; readonly text: string }
  | { readonly kind: "diff"; readonly from: string; readonly to: string };

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
  readonly verify: string | null;
  readonly import: OpenedImport;
  readonly names_environment: boolean;
  readonly count_events: number;
  readonly diff: string;
}

/** Runs a task in this thread. Throws what the function of the task throws. */
export function runDocumentTask(task: DocumentTask): DocumentAnswers[DocumentTask["kind"]] {
  switch (task.kind) {
    case "scan":
      return scanStrictJson(task.text, task.options);
    case "read":
      return readPolicyContent(task.policies, task.scopePolicies);
    case "promote":
      return promoteContent(task.content, task.from, task.to);
    case "verify":
      return verifyKeptDocument(task.document, task.publicKey);
    case "import":
      return openImport(task.document, task.provenance, task.toEnvironment);
    case "names_environment":
      return namesEnvironment(readScopePolicies(task.scopePolicies), task.environment);
    case "count_events":
      return countEvents(task.text);
    case "diff":
      // Older documents may spell the same numbers in another way.
      return diffJson(servedText(task.from), servedText(task.to), DIFF_BOUNDS);
  }
}

/** How many characters of documents a task has. */
export function sizeOf(task: DocumentTask): number {
  switch (task.kind) {
    case "scan":
    case "count_events":
      return task.text.length;
    case "read":
      return task.policies.length + (task.scopePolicies?.length ?? 0);
    case "promote":
      return task.content.policies.length + task.content.scopePolicies.length;
    case "verify":
    case "import":
      return task.document.length;
    case "names_environment":
      return task.scopePolicies.length;
    case "diff":
      return task.from.length + task.to.length;
  }
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

import { withNumbers } from "../../bundle/served-text.js";
import { AppError } from "../../core/error.js";

/** What is read of the body of OPA's Status API. Texts are as they came. */
export interface OpaStatus {
  readonly labels: Readonly<Record<string, string>>;
  readonly bundles: readonly OpaBundleStatus[];
}

/** One bundle of a status. */
export interface OpaBundleStatus {
  readonly name: string;
  readonly activeRevision: string;
  /** Why the last download or activation failed; null when it did not. */
  readonly error: OpaBundleError | null;
}

/** A failure of OPA to download or activate a bundle. */
export interface OpaBundleError {
  /** The HTTP status that OPA got instead of a bundle; null when it got a bundle, or no answer. */
  readonly httpStatus: number | null;
  /** OPA's message, and behind it the first errors of the compiler. */
  readonly message: string;
}

/** Labels and bundles beyond these are not looked at. */
const MAX_LABELS = 64;
const MAX_BUNDLES = 100;
/** Errors of the compiler that are told. */
const MAX_ERRORS = 5;
/** In one upload: OPA sends some hundreds. */
const MAX_DECISIONS = 30_000;
/** Of one text. */
const MAX_CHARACTERS = 2_000;

type Json = Readonly<Record<string, unknown>>;

/**
 * Reads a status of OPA (`plugins/status`, UpdateRequestV1) as far as the fleet view shows it. What has another form is left out; metrics
 * and plugins always are. Throws `malformed` for a text that is no JSON.
 */
export function readOpaStatus(text: string): OpaStatus {
  const status = objectOf(parseLenient(text));
  const labels = entriesOf(status["labels"]).flatMap(([name, value]) =>
    typeof value === "string" ? [[cut(name), cut(value)] as const] : [],
  );
  // Releases before 0.11 had one bundle, without a name of its own.
  const single = status["bundle"] === undefined ? [] : [["bundle", status["bundle"]] as const];
  const bundles = [...entriesOf(status["bundles"]), ...single].slice(0, MAX_BUNDLES);
  return {
    labels: Object.fromEntries(labels.slice(0, MAX_LABELS)),
    bundles: bundles.map(([name, value]) => readBundle(name, objectOf(value))),
  };
}

function readBundle(name: string, bundle: Json): OpaBundleStatus {
  const revision = bundle["active_revision"];
  const activeRevision = typeof revision === "string" ? cut(revision) : "";
  return { name: cut(name), activeRevision, error: readError(bundle) };
}

function readError(bundle: Json): OpaBundleError | null {
  const { code, message, errors, http_code: http } = bundle;
  if (typeof code !== "string" || code === "") return null;
  const listed = Array.isArray(errors) ? (errors as readonly unknown[]).slice(0, MAX_ERRORS).map(errorText) : [];
  const main = typeof message === "string" && message !== "" ? cut(message) : cut(code);
  const status = typeof http === "number" || typeof http === "string" ? Number(http) : NaN;
  return { httpStatus: Number.isInteger(status) ? status : null, message: [main, ...listed].join("; ") };
}

/** As OPA prints it itself: `policy.rego:3: rego_type_error: undefined function f`. */
function errorText(value: unknown): string {
  if (typeof value === "string") return cut(value);
  const { code, message, location } = objectOf(value);
  const { file, row } = objectOf(location);
  const place = typeof file === "string" ? [typeof row === "number" ? `${cut(file)}:${row}` : cut(file)] : [];
  return [...place, ...[code, message].filter((it) => typeof it === "string").map(cut)].join(": ");
}

/** The decisions of an upload. */
export interface OpaDecisions {
  readonly count: number;
  /** A line of JSON for each, with every number as it was written; empty without a head. */
  readonly lines: string;
}

/**
 * Reads an upload of OPA's decision log, a JSON array. Numbers and keys may be any that JSON has: they are input and results of policies.
 *
 * @param head a JSON object: each line is this object with the decision as its last member, `decision`; null makes no lines
 * @throws AppError `malformed` for a text that is no JSON, and `invalid` for one that is no array of at most 30,000 objects
 */
export function readOpaDecisions(text: string, head: string | null): OpaDecisions {
  const parsed = parseLenient(text);
  if (!Array.isArray(parsed)) throw new AppError("invalid", "the decision log must be a JSON array");
  if (parsed.length > MAX_DECISIONS) throw new AppError("invalid", "the decision log has more than 30,000 decisions");
  if (!parsed.every(isObject)) throw new AppError("invalid", "each decision of the log must be a JSON object");
  if (head === null) return { count: parsed.length, lines: "" };
  const start = head.slice(0, -1);
  const decisions = elementsOf(withNumbers(text, (literal) => literal));
  return { count: parsed.length, lines: decisions.map((decision) => `${start},"decision":${decision}}\n`).join("") };
}

/** The elements of an array without white space outside of its strings. */
function elementsOf(array: string): readonly string[] {
  const elements: string[] = [];
  const end = array.length - 1;
  let start = 1;
  let depth = 0;
  for (let at = 1; at < end; at += 1) {
    const char = array[at];
    if (char === '"') at = closingQuote(array, at);
    else if (char === "[" || char === "{") depth += 1;
    else if (char === "]" || char === "}") depth -= 1;
    else if (char === "," && depth === 0) {
      elements.push(array.slice(start, at));
      start = at + 1;
    }
  }
  if (start < end) elements.push(array.slice(start, end));
  return elements;
}

function closingQuote(text: string, open: number): number {
  for (let at = open + 1; ; at += 1) {
    if (text[at] === "\\") at += 1;
    else if (text[at] === '"') return at;
  }
}

/** These texts are never kept as policies: what strict JSON refuses does no harm here. */
function parseLenient(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new AppError("malformed", "the body is not JSON", { cause });
  }
}

function objectOf(value: unknown): Json {
  return typeof value === "object" && value !== null ? (value as Json) : {};
}

function isObject(value: unknown): boolean {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function entriesOf(value: unknown): readonly (readonly [string, unknown])[] {
  return Array.isArray(value) ? [] : Object.entries(objectOf(value));
}

function cut(text: string): string {
  return text.slice(0, MAX_CHARACTERS);
}

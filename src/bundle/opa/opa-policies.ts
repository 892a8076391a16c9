import { invalidFields, MAX_FIELD_ERRORS, type FieldError } from "../../core/error.js";
import { scanStrictJson } from "../strict-json.js";
import { OpaData, parseDataFile } from "./opa-data.js";
import { isInRoots, opaPathProblem, opaRootProblem, rootTree, segmentsOf, type RootPlace } from "./opa-paths.js";
import { readRegoPackage } from "./rego-package.js";

/** How many files a bundle may have. */
export const MAX_OPA_FILES = 10_000;
/** Bytes of UTF-8 of all files with their paths. */
export const MAX_OPA_BYTES = 16 * 1024 * 1024;
/** Characters of all data.yaml: parsing takes microseconds for each. */
export const MAX_OPA_YAML_CHARACTERS = 256 * 1024;
const MAX_ROOTS = 1_000;
const MAX_SHOWN_PATH = 200;

/** Policies of kind OPA: Rego files and data. */
export interface OpaPolicies {
  /** The texts by their paths, which have no leading slash; in the order of the JSON text. */
  readonly files: ReadonlyMap<string, string>;
  /** The paths of `data` that the bundle owns, segments separated by slashes; `""` is all of it. */
  readonly roots: readonly string[];
  /** The version of the language of all modules. */
  readonly regoVersion: 0 | 1;
}

/** The JSON text of a YAML document, or why there is none. */
export type YamlReader = (text: string) => { readonly json: string } | { readonly problem: string };

/** How policies of kind OPA are checked. */
export interface OpaPolicyChecks {
  /** Reads data.yaml; null takes every data.yaml unread. */
  readonly readYaml: YamlReader | null;
}

/**
 * Reads policies that were checked by {@link parseOpaPolicies} when they were published. Throws a TypeError for another form, which no kept
 * policies of this kind have.
 *
 * @param policies JSON text
 */
export function readOpaPolicies(policies: string): OpaPolicies {
  const { files, roots = [""], rego_version: regoVersion = 1 } = JSON.parse(policies) as Record<string, unknown>;
  const isForm = isObject(files) && isTexts(roots) && (regoVersion === 0 || regoVersion === 1);
  const texts = isForm ? Object.entries(files) : [];
  if (!isForm || !isTexts(texts.map(([, text]) => text))) throw new TypeError("these are no policies of kind OPA");
  return { files: new Map(texts as [string, string][]), roots, regoVersion };
}

/**
 * Parses policies of kind OPA, `{"files": {path: text}, "roots": [path], "rego_version": 0 or 1}`, and refuses what OPA would refuse, skip
 * or read as something else when it loads the archive that is made of them (`v1/bundle/bundle.go`). Without roots the bundle owns all of
 * `data`, without a version it is 1. Rego is read up to its package: other errors are OPA's to report.
 *
 * @param policies a JSON text
 * @throws AppError `malformed` and `invalid` as scanStrictJson; `invalid` with up to 100 field errors, whose `loc` is `["body", "policies",
 *   "files", path]` for a file
 */
export function parseOpaPolicies(policies: string, { readYaml }: OpaPolicyChecks): OpaPolicies {
  const { spans } = scanStrictJson(policies, { base: ["body", "policies"] });
  const given = JSON.parse(policies) as Record<string, unknown>;
  const errors = new Problems();
  for (const key of Object.keys(given))
    if (!KEYS.has(key))
      errors.add([key], "is unknown: policies of kind OPA have files, roots and rego_version", "extra_field");
  const version = spans.get("rego_version");
  const literal = version === undefined ? "1" : policies.slice(version.start, version.end);
  if (literal !== "0" && literal !== "1") errors.add(["rego_version"], "must be 0 or 1", "value");
  const roots = rootsOf(given["roots"], errors);
  const texts = filesOf(given["files"], errors);
  errors.throwIfAny();
  checkFiles(texts, { roots: rootTree(roots), readYaml }, errors);
  errors.throwIfAny();
  return { files: new Map(texts), roots, regoVersion: literal === "0" ? 0 : 1 };
}

const KEYS = new Set(["files", "roots", "rego_version"]);

/** The first hundred field errors of a text. */
class Problems {
  readonly #errors: FieldError[] = [];

  get isFull(): boolean {
    return this.#errors.length >= MAX_FIELD_ERRORS;
  }

  add(path: readonly string[], msg: string, type: string): void {
    if (!this.isFull) this.#errors.push({ loc: ["body", "policies", ...path.map(shown)], msg, type });
  }

  /** About a file. */
  addFile(path: string, msg: string, type: string): void {
    this.add(["files", path], msg, type);
  }

  throwIfAny(): void {
    if (this.#errors.length > 0) throw invalidFields(this.#errors);
  }
}

function rootsOf(given: unknown, errors: Problems): readonly string[] {
  if (given === undefined) return [""];
  if (!isTexts(given)) {
    errors.add(["roots"], 'must be a list of paths, as in ["authz"]; [""] is all of data', "type");
    return [];
  }
  if (given.length === 0) errors.add(["roots"], 'must have a path: [""] is all of data', "too_short");
  if (given.length > MAX_ROOTS) errors.add(["roots"], `must be at most ${MAX_ROOTS}`, "too_many");
  const roots = given.slice(0, MAX_ROOTS);
  for (const [i, root] of roots.entries()) {
    const problem = opaRootProblem(root);
    if (problem !== null) errors.add(["roots", String(i)], problem, "root");
  }
  addOverlaps(roots, errors);
  return roots;
}

/** A root that is another one, or below it: with all roots in a set, each asks for its own beginnings. */
function addOverlaps(roots: readonly string[], errors: Problems): void {
  const all = new Set(roots);
  const seen = new Set<string>();
  for (const [i, root] of roots.entries()) {
    const above = opaRootProblem(root) === null ? beginningsOf(root).find((start) => all.has(start)) : undefined;
    const other = seen.has(root) ? root : above;
    if (other !== undefined)
      errors.add(["roots", String(i)], `overlaps with the root ${JSON.stringify(shown(other))}`, "overlap");
    seen.add(root);
  }
}

/** The paths above a path, from the top, which is `""`; none for the top itself. */
function beginningsOf(path: string): readonly string[] {
  if (path === "") return [];
  const beginnings = [""];
  for (let slash = path.indexOf("/"); slash >= 0; slash = path.indexOf("/", slash + 1))
    beginnings.push(path.slice(0, slash));
  return beginnings;
}

function filesOf(given: unknown, errors: Problems): readonly (readonly [path: string, text: string])[] {
  if (!isObject(given)) {
    errors.add(["files"], "must be an object of paths and texts", given === undefined ? "missing" : "type");
    return [];
  }
  const files = Object.entries(given);
  if (files.length === 0) errors.add(["files"], "must have a file", "too_short");
  if (files.length > MAX_OPA_FILES) {
    errors.add(["files"], `must be at most ${MAX_OPA_FILES}`, "too_many");
    return [];
  }
  const texts: (readonly [string, string])[] = [];
  let bytes = 0;
  for (const [path, text] of files) {
    const problem = opaPathProblem(path);
    if (problem !== null) errors.addFile(path, problem, "path");
    if (typeof text !== "string") errors.addFile(path, "must be the text of the file", "type");
    else {
      bytes += utf8Length(path) + utf8Length(text);
      texts.push([path, text]);
    }
  }
  if (bytes > MAX_OPA_BYTES) errors.add(["files"], `must have at most ${MAX_OPA_BYTES} bytes together`, "too_large");
  addClashes(
    files.flatMap(([path]) => (opaPathProblem(path) === null ? path : [])),
    errors,
  );
  return texts;
}

/** Paths that cannot be in one folder: the same one in two spellings of Unicode, or a file where another has its folder. */
function addClashes(paths: readonly string[], errors: Problems): void {
  const known = new Map<string, string>();
  for (const path of paths) {
    const normal = path.normalize("NFC");
    const other = known.get(normal);
    if (other === undefined) known.set(normal, path);
    else errors.addFile(path, `is ${JSON.stringify(shown(other))} in other characters that look the same`, "duplicate");
  }
  for (const [normal, path] of known) {
    const file = beginningsOf(normal).find((start) => known.has(start));
    if (file !== undefined)
      errors.addFile(path, `is below ${JSON.stringify(shown(file))}, which is a file`, "duplicate");
  }
}

function checkFiles(
  files: readonly (readonly [path: string, text: string])[],
  { roots, readYaml }: { readonly roots: RootPlace } & OpaPolicyChecks,
  errors: Problems,
): void {
  const data = new OpaData(roots);
  let yamlCharacters = 0;
  for (const [path, text] of files) {
    if (errors.isFull) return;
    if (path.endsWith(".rego")) {
      const problem = moduleProblem(text, roots);
      if (problem !== null) errors.addFile(path, problem, "package");
      continue;
    }
    const isYaml = path.endsWith(".yaml");
    if (isYaml) yamlCharacters += text.length;
    if (yamlCharacters > MAX_OPA_YAML_CHARACTERS) {
      const message = `all data.yaml must have at most ${MAX_OPA_YAML_CHARACTERS} characters together: use data.json`;
      errors.addFile(path, message, "too_large");
      return;
    }
    if (isYaml && readYaml === null) continue;
    const json = isYaml && readYaml !== null ? readYaml(text) : { json: text };
    const parsed = "problem" in json ? json : parseDataFile(json.json);
    const problem = "problem" in parsed ? parsed.problem : data.insert(segmentsOf(path).slice(0, -1), parsed.value);
    if (problem !== null) errors.addFile(path, problem, "data");
  }
}

function moduleProblem(text: string, roots: RootPlace): string | null {
  if (text.includes("\0")) return "must not have a null character";
  const read = readRegoPackage(text);
  if ("problem" in read) return read.problem;
  if (isInRoots(roots, read.path)) return null;
  return `has the package ${shown(read.path.join("."))}, which is outside of the roots`;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((item) => typeof item === "string");
}

/** Bytes of a text in UTF-8, counted without making them. */
function utf8Length(text: string): number {
  let bytes = text.length;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    // A pair of surrogates is four bytes: two for each half.
    if (code > 0x7f) bytes += code > 0x7ff && (code < 0xd800 || code > 0xdfff) ? 2 : 1;
  }
  return bytes;
}

function shown(text: string): string {
  return text.length > MAX_SHOWN_PATH ? `${text.slice(0, MAX_SHOWN_PATH).toWellFormed()}…` : text;
}

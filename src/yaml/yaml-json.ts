import { isAlias, isMap, isScalar, isSeq, parseDocument, type Node, type Pair, type Scalar } from "yaml";
import { tooDeepAt } from "./yaml-depth.js";
import { YamlError } from "./yaml-error.js";

/** JSON's way to write a number. */
const JSON_NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;

/** Far above what a policy may have, far below what a stack holds. */
const MAX_LEVELS = 256;

/** The parser's texts may repeat a word of any length. */
const MAX_PROBLEM_LENGTH = 200;

/**
 * A YAML 1.2 document (core schema) as JSON text, for what both can say: no anchors, aliases, merge keys or tags, no keys but
 * strings, each once, one document. Numbers keep their spelling where JSON has it, so that whoever reads the JSON judges what was
 * written. Time and memory grow with the text's length alone.
 *
 * Throws YamlError.
 */
export function yamlToJson(text: string): string {
  const refuse = (problem: string, offset: number): never => {
    const before = text.slice(0, offset);
    const lineStart = before.lastIndexOf("\n") + 1;
    throw new YamlError(problem.slice(0, MAX_PROBLEM_LENGTH), before.split("\n").length, offset - lineStart + 1);
  };
  const deep = tooDeepAt(text, MAX_LEVELS);
  if (deep !== undefined) return refuse(`more than ${MAX_LEVELS} levels`, deep);
  const document = parseDocument(text, {
    version: "1.2",
    schema: "core",
    merge: false,
    // The parser's own check compares every key with every other; JsonWriter's does not.
    uniqueKeys: false,
    // Integers as bigint: a double would round the long ones before anybody could refuse them.
    intAsBigInt: true,
    prettyErrors: false,
  });
  const [problem] = [...document.errors, ...document.warnings];
  if (problem?.code === "MULTIPLE_DOCS") refuse("only one document is allowed", problem.pos[0]);
  if (problem !== undefined) refuse(problem.message, problem.pos[0]);
  if (document.directives.yaml.version !== "1.2") refuse("only YAML 1.2 is allowed", 0);
  if (document.contents === null) return refuse("the document is empty", 0);
  return new JsonWriter(refuse).write(document.contents);
}

class JsonWriter {
  constructor(private readonly refuse: (what: string, offset: number) => never) {}

  write(node: unknown): string {
    if (node === null) return "null";
    if (isAlias(node)) return this.refuse("aliases are not allowed", offsetOf(node));
    if (isScalar(node)) return this.scalar(this.plain(node));
    if (isSeq(node))
      return `[${this.plain(node)
        .items.map((item) => this.write(item))
        .join(",")}]`;
    if (isMap(node)) {
      const keys = new Set<string>();
      return `{${this.plain(node)
        .items.map((pair) => this.pair(pair, keys))
        .join(",")}}`;
    }
    return this.refuse("this has no JSON form", offsetOf(node));
  }

  /** `keys` are those that the map has had before. */
  private pair({ key, value }: Pair, keys: Set<string>): string {
    if (!isScalar(key) || typeof key.value !== "string")
      return this.refuse("keys must be strings: quote it", offsetOf(key));
    if (key.value === "<<" && key.type === "PLAIN") return this.refuse("merge keys are not allowed", offsetOf(key));
    if (keys.has(key.value)) return this.refuse("the same key twice", offsetOf(key));
    keys.add(key.value);
    return `${JSON.stringify(this.plain(key).value)}:${this.write(value)}`;
  }

  /** The node itself. Refuses one with an anchor or a tag. */
  private plain<T extends Node & { anchor?: string; tag?: string }>(node: T): T {
    if (node.anchor !== undefined) this.refuse("anchors are not allowed", offsetOf(node));
    if (node.tag !== undefined) this.refuse(`tags are not allowed: ${node.tag}`, offsetOf(node));
    return node;
  }

  private scalar(node: Scalar): string {
    const { value, source = "" } = node;
    if (value === null || typeof value === "string" || typeof value === "boolean") return JSON.stringify(value);
    if (typeof value !== "number" && typeof value !== "bigint")
      return this.refuse("this has no JSON form", offsetOf(node));
    if (JSON_NUMBER.test(source)) return source;
    if (typeof value === "bigint") return value.toString();
    return Number.isFinite(value) ? JSON.stringify(value) : this.refuse(`JSON has no ${source}`, offsetOf(node));
  }
}

function offsetOf(node: unknown): number {
  return (node as { range?: readonly number[] } | null)?.range?.[0] ?? 0;
}

import { isAlias, isMap, isScalar, isSeq, LineCounter, parseDocument, type Node, type Pair, type Scalar } from "yaml";
import { InputError } from "./cli-error.js";
import { tooDeepAt } from "./yaml-depth.js";

/** JSON's way to write a number. */
const JSON_NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;

/** Far above what a policy may have, far below what a stack holds. */
const MAX_LEVELS = 256;

/**
 * A YAML 1.2 document (core schema) as JSON text, for what both can say: no anchors, aliases, merge keys or tags, no keys but
 * strings, each once, one document. Numbers keep their spelling where JSON has it, so that the server judges what was written.
 *
 * Throws InputError with file, line and column.
 */
export function yamlToJson(text: string, file: string): string {
  const lineCounter = new LineCounter();
  const refuse = (what: string, offset: number): never => {
    const { line, col } = lineCounter.linePos(offset);
    throw new InputError(`${file}:${line}:${col}: ${what}`);
  };
  // Integers as bigint: a double would round the long ones before anybody could refuse them.
  const options = { version: "1.2", schema: "core", merge: false, uniqueKeys: true, intAsBigInt: true } as const;
  const deep = tooDeepAt(text, MAX_LEVELS);
  if (deep !== undefined) throw new InputError(`${file}: more than ${MAX_LEVELS} levels at offset ${deep}`);
  const document = parseDocument(text, { ...options, lineCounter, prettyErrors: false });
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
    if (isMap(node))
      return `{${this.plain(node)
        .items.map((pair) => this.pair(pair))
        .join(",")}}`;
    return this.refuse("this has no JSON form", offsetOf(node));
  }

  private pair({ key, value }: Pair): string {
    if (!isScalar(key) || typeof key.value !== "string")
      return this.refuse("keys must be strings: quote it", offsetOf(key));
    if (key.value === "<<" && key.type === "PLAIN") return this.refuse("merge keys are not allowed", offsetOf(key));
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

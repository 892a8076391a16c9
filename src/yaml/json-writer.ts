import { isAlias, isMap, isScalar, isSeq, type Alias, type Node, type Pair, type Scalar, type YAMLMap } from "yaml";
import type { YamlRemedy } from "./yaml-error.js";
import { differentReadings } from "./yaml-versions.js";

/** How many characters of JSON aliases and merge keys may add: the default size limit of a request. */
const MAX_EXPANDED_LENGTH = 16 * 1024 * 1024;

/** How to read a YAML text; everything is strict by default. */
export interface YamlOptions {
  /** Accepts scalars that YAML 1.1 reads otherwise, as YAML 1.2 reads them; as does a document that begins with `%YAML 1.2`. */
  readonly insistOn12?: boolean;
  /** Writes a copy for each alias, and the members of merge keys (`<<`), up to 16 Mi characters. */
  readonly expandAnchors?: boolean;
  /** Refuses a list or a scalar as the whole document. */
  readonly rootIsObject?: boolean;
}

/** Throws YamlError about an offset of the text. */
export type Refuse = (problem: string, offset: number, remedy?: YamlRemedy) => never;

/** In the header of a block text. Readers differ on whether lines of spaces below it are text. */
const INDENTATION_INDICATOR = /^[|>][-+]?[1-9]/;

/** What an anchor names. */
interface Anchored {
  readonly json: string;
  /** Of a map, for merge keys. */
  readonly members: ReadonlyMap<string, string> | undefined;
}

/** Writes the nodes of one document as JSON. Recurses as deep as they nest. */
export class JsonWriter {
  /** By name; undefined while the node is being written. */
  private readonly anchors = new Map<string, Anchored | undefined>();
  private expanded = 0;
  /** Where the white space at the end begins. */
  private readonly contentEnd: number;
  /** Whether the last line is spaces, and no line break. */
  private readonly endsInSpaces: boolean;

  constructor(
    private readonly text: string,
    private readonly refuse: Refuse,
    private readonly options: YamlOptions,
  ) {
    this.contentEnd = text.trimEnd().length;
    this.endsInSpaces = /\n[ \t]+$/.test(text.slice(this.contentEnd));
  }

  write(node: unknown): string {
    return this.anchored(node).json;
  }

  private anchored(node: unknown): Anchored {
    if (isAlias(node)) return this.aliased(node);
    const name = this.anchorOf(node);
    if (name !== undefined) this.anchors.set(name, undefined);
    const members = isMap(node) ? this.members(node) : undefined;
    const json =
      members === undefined
        ? this.value(node)
        : `{${[...members].map(([key, value]) => `${JSON.stringify(key)}:${value}`).join(",")}}`;
    const written = { json, members };
    if (name !== undefined) this.anchors.set(name, written);
    return written;
  }

  private value(node: unknown): string {
    if (node === null) return "null";
    if (isScalar(node)) return this.scalar(node);
    if (isSeq(node)) return `[${node.items.map((item) => this.write(item)).join(",")}]`;
    return this.refuse("this has no JSON form", offsetOf(node));
  }

  private aliased(alias: Alias): Anchored {
    if (this.options.expandAnchors !== true) {
      return this.refuse("aliases are not allowed: write the value", offsetOf(alias), "expand");
    }
    if (!this.anchors.has(alias.source)) return this.refuse(`no anchor is called ${alias.source}`, offsetOf(alias));
    const anchored = this.anchors.get(alias.source);
    if (anchored === undefined) return this.refuse("an alias inside the value of its own anchor", offsetOf(alias));
    this.expanded += anchored.json.length;
    if (this.expanded > MAX_EXPANDED_LENGTH) {
      this.refuse(`the aliases expand to more than ${MAX_EXPANDED_LENGTH} characters`, offsetOf(alias));
    }
    return anchored;
  }

  private members(map: YAMLMap): Map<string, string> {
    const own = new Map<string, string>();
    const merged = new Map<string, string>();
    for (const pair of map.items) {
      if (this.isMerge(pair)) this.merge(pair, merged);
      else this.member(pair, own);
    }
    return merged.size === 0 ? own : new Map([...merged, ...own]);
  }

  private member({ key, value }: Pair, members: Map<string, string>): void {
    if (isAlias(key)) this.refuse("keys must be strings, not aliases", offsetOf(key));
    this.anchorOf(key);
    if (isScalar(key)) this.requireAgreement(key);
    if (!isScalar(key) || typeof key.value !== "string") {
      return this.refuse("keys must be strings: quote it", offsetOf(key));
    }
    if (members.has(key.value)) this.refuse("duplicate key", offsetOf(key));
    // Before the value: an anchor of the key holds inside of it.
    if (key.anchor !== undefined) this.anchors.set(key.anchor, { json: JSON.stringify(key.value), members: undefined });
    members.set(key.value, this.write(value));
  }

  private isMerge({ key }: Pair): boolean {
    if (!isScalar(key) || key.value !== "<<" || key.type !== "PLAIN") return false;
    if (this.options.expandAnchors === true) return true;
    return this.refuse("merge keys are not allowed: write the members", offsetOf(key), "expand");
  }

  /** The first map that has a key gives its value. */
  private merge({ key, value }: Pair, merged: Map<string, string>): void {
    for (const source of isSeq(value) ? value.items : [value]) {
      const { members } = this.anchored(source);
      if (members === undefined) return this.refuse("a merge key needs maps", offsetOf(key));
      for (const [name, json] of members) if (!merged.has(name)) merged.set(name, json);
    }
  }

  /** The name of a node's anchor. Refuses tags, and anchors unless they are to be expanded. */
  private anchorOf(node: unknown): string | undefined {
    const { anchor, tag } = (node ?? {}) as Node & { anchor?: string; tag?: string };
    if (tag !== undefined) this.refuse(`tags are not allowed: remove ${tag}`, offsetOf(node));
    if (anchor !== undefined && this.options.expandAnchors !== true) {
      this.refuse("anchors are not allowed: remove it, and write the value at each alias", offsetOf(node), "expand");
    }
    return anchor;
  }

  private scalar(node: Scalar): string {
    this.requireAgreement(node);
    const { value, source = "" } = node;
    if (typeof value === "string") return JSON.stringify(this.asPyYaml(node, value));
    if (value === null || typeof value === "boolean") return JSON.stringify(value);
    if (typeof value === "bigint") return jsonNumber(source, value);
    if (typeof value !== "number") return this.refuse("this has no JSON form", offsetOf(node));
    if (/n/i.test(source)) return this.refuse(`JSON has no ${source}: quote it`, offsetOf(node));
    return jsonNumber(source, value);
  }

  /** Refuses what the two versions of YAML read differently. */
  private requireAgreement(node: Scalar): void {
    if (this.options.insistOn12 === true || node.type !== "PLAIN") return;
    const { source = "" } = node;
    const readings = differentReadings(source);
    if (readings !== undefined) this.refuse(`${source} is ${readings}: quote it`, offsetOf(node), "insist");
  }

  /** A block text whose last line the file does not end has no line break there either. */
  private asPyYaml(node: Scalar, value: string): string {
    if (node.type !== "BLOCK_LITERAL" && node.type !== "BLOCK_FOLDED") return value;
    const [start, end] = node.range ?? [0, 0];
    if (INDENTATION_INDICATOR.test(this.text.slice(start, start + 3)) && this.hasLineOfSpaces(start, end)) {
      this.refuse("a line of spaces in a block text with an indentation indicator: remove the spaces", start);
    }
    const isLast = end >= this.contentEnd;
    if (isLast && this.endsInSpaces) {
      this.refuse("a block text that ends in a line of spaces: end the file with a line break", start);
    }
    return isLast && !this.text.endsWith("\n") && value.endsWith("\n") ? value.slice(0, -1) : value;
  }

  /** Whether a line from `start` to the next content after `end` has nothing but spaces. */
  private hasLineOfSpaces(start: number, end: number): boolean {
    const after = this.text.slice(end).search(/\S/);
    const block = this.text.slice(start, after < 0 ? this.text.length : end + after);
    return /\n[ \t]+\n/.test(block);
  }
}

function offsetOf(node: unknown): number {
  return (node as { range?: readonly number[] } | null)?.range?.[0] ?? 0;
}

/** A decimal number of YAML. */
const DECIMAL = /^([-+]?)0*([0-9]*)(?:(\.)([0-9]*))?(?:[eE]([-+]?[0-9]+))?$/;

/**
 * A number of YAML as JSON spells it: the same digits, and a float stays one (`1.` is `1.0`).
 *
 * @param value used for octal and hexadecimal literals
 */
function jsonNumber(source: string, value: bigint | number): string {
  const [, sign, digits, point, decimals, exponent] = DECIMAL.exec(source) ?? [];
  if (digits === undefined) return value.toString();
  const fraction = point === undefined ? "" : `.${decimals === "" ? "0" : (decimals ?? "0")}`;
  return `${sign === "-" ? "-" : ""}${digits === "" ? "0" : digits}${fraction}${exponent === undefined ? "" : `e${exponent}`}`;
}

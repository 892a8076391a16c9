import { restSegmentText, segmentText } from "./path.js";
import type { PathTemplate, Segment } from "./template.js";

/** What a trie holds. */
export interface Entry {
  /** For the error about a conflict. */
  readonly name: string;
  /** Upper case. */
  readonly httpMethod: string;
  readonly template: PathTemplate;
  /** Whether a GET entry also answers HEAD. */
  readonly answersHead: boolean;
}

/** The result of a lookup: an entry with its variables, no such path, or a path for other HTTP methods. */
export type Lookup<E> =
  | { readonly kind: "match"; readonly entry: E; readonly values: ReadonlyMap<string, string> }
  | { readonly kind: "unknown_path" }
  | { readonly kind: "other_methods"; readonly allow: readonly string[] };

/** Finds routes by HTTP method and path. */
export interface RouteTrie<E> {
  /**
   * Finds the entry for a path. At each segment a literal goes before `*`, and that before `**`; an entry of another HTTP method
   * does not hide one that is less exact.
   *
   * @param segments still percent-encoded. Literals are compared decoded, so that `%6Catest` cannot get past `latest`.
   */
  find(httpMethod: string, segments: readonly string[]): Lookup<E>;
}

/** By verb, then by HTTP method. */
type Leaf<E> = Map<string, Map<string, E>>;

interface Node<E> {
  readonly literals: Map<string, Node<E>>;
  one: Node<E> | undefined;
  readonly here: Leaf<E>;
  readonly rest: Leaf<E>;
}

/** Builds a trie. Throws an Error when two entries have the same HTTP method and no path can tell them apart. */
export function createTrie<E extends Entry>(entries: readonly E[]): RouteTrie<E> {
  const root = createNode<E>();
  const verbs = new Set<string>();
  for (const entry of entries) {
    insert(root, entry);
    if (entry.template.verb !== "") verbs.add(entry.template.verb);
  }
  return { find: (httpMethod, segments) => find(root, verbs, httpMethod, segments) };
}

function createNode<E>(): Node<E> {
  return { literals: new Map(), one: undefined, here: new Map(), rest: new Map() };
}

function insert<E extends Entry>(root: Node<E>, entry: E): void {
  const { segments, verb, text } = entry.template;
  let node = root;
  for (const segment of segments) if (segment.kind !== "rest") node = child(node, segment);
  const leaf = segments.at(-1)?.kind === "rest" ? node.rest : node.here;
  const methods = leaf.get(verb) ?? new Map<string, E>();
  leaf.set(verb, methods);
  const other = methods.get(entry.httpMethod);
  if (other !== undefined) {
    throw new Error(`${entry.name} and ${other.name} conflict: ${entry.httpMethod} ${text} and ${other.template.text}`);
  }
  methods.set(entry.httpMethod, entry);
}

function child<E>(node: Node<E>, segment: Exclude<Segment, { kind: "rest" }>): Node<E> {
  if (segment.kind === "one") return (node.one ??= createNode());
  const next = node.literals.get(segment.text) ?? createNode<E>();
  node.literals.set(segment.text, next);
  return next;
}

function find<E extends Entry>(
  root: Node<E>,
  verbs: ReadonlySet<string>,
  httpMethod: string,
  raw: readonly string[],
): Lookup<E> {
  const allow = new Set<string>();
  for (const { segments, verb } of readings(raw, verbs)) {
    const texts = segments.map(segmentText);
    const restTexts = segments.map(restSegmentText);
    for (const leaf of leaves(root, texts, restTexts, 0)) {
      const methods = leaf.get(verb);
      if (methods === undefined) continue;
      const entry = methods.get(httpMethod) ?? (httpMethod === "HEAD" ? headable(methods) : undefined);
      if (entry !== undefined) return { kind: "match", entry, values: valuesOf(entry.template, texts, restTexts) };
      for (const method of methods.keys()) allow.add(method);
      if (headable(methods) !== undefined) allow.add("HEAD");
    }
  }
  return allow.size === 0 ? { kind: "unknown_path" } : { kind: "other_methods", allow: [...allow].sort() };
}

function headable<E extends Entry>(methods: ReadonlyMap<string, E>): E | undefined {
  const entry = methods.get("GET");
  return entry?.answersHead ? entry : undefined;
}

/** A path whose end looks like a known verb is first read with it, then as if the colon belonged to the segment. */
function* readings(segments: readonly string[], verbs: ReadonlySet<string>) {
  const last = segments.at(-1) ?? "";
  const colon = last.lastIndexOf(":");
  const verb = last.slice(colon + 1);
  if (colon > 0 && verbs.has(verb)) yield { segments: [...segments.slice(0, -1), last.slice(0, colon)], verb };
  yield { segments, verb: "" };
}

/** A segment that may be taken, or undefined. */
type Texts = readonly (string | undefined)[];

/** Every node that a path matches, the most exact first. A node is visited once, so the trie bounds the work. */
function* leaves<E>(node: Node<E>, texts: Texts, restTexts: Texts, index: number): Generator<Leaf<E>> {
  const text = texts[index];
  if (index === texts.length) yield node.here;
  else if (text !== undefined) {
    const literal = node.literals.get(text);
    if (literal !== undefined) yield* leaves(literal, texts, restTexts, index + 1);
    if (node.one !== undefined) yield* leaves(node.one, texts, restTexts, index + 1);
  }
  if (!restTexts.includes(undefined, index)) yield node.rest;
}

/** What the variables of a template that matched took. */
function valuesOf(template: PathTemplate, texts: Texts, restTexts: Texts): ReadonlyMap<string, string> {
  const rest = template.segments.at(-1)?.kind === "rest" ? template.segments.length - 1 : texts.length;
  const taken = [...texts.slice(0, rest), ...restTexts.slice(rest)];
  return new Map(
    template.variables.map(({ field, start, end }) => [
      field,
      taken.slice(start, end > rest ? undefined : end).join("/"),
    ]),
  );
}

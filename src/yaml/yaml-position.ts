import { isMap, isScalar, isSeq, LineCounter, parseDocument, type Node, type Pair } from "yaml";

/** A place in a text. Line and column count from 1. */
export interface TextPosition {
  readonly line: number;
  readonly column: number;
}

/**
 * Where a value stands in a YAML or JSON text that yamlToJson or a JSON parser accepts: its key's place, or an item's. Where the path leads
 * to nothing, the place of the last part that is there; of the document for the first.
 */
export function positionIn(text: string, path: readonly string[]): TextPosition {
  const lineCounter = new LineCounter();
  const document = parseDocument(text, { lineCounter, uniqueKeys: false, prettyErrors: false });
  let offset = document.contents?.range?.[0] ?? 0;
  let node: unknown = document.contents;
  for (const part of path) {
    const next = isMap(node) ? node.items.find((pair) => keyOf(pair) === part) : undefined;
    const item = isSeq(node) ? node.items[Number(part)] : undefined;
    if (next === undefined && item === undefined) break;
    const at = next === undefined ? item : next.key;
    offset = (at as Node | null)?.range?.[0] ?? offset;
    node = next === undefined ? item : next.value;
  }
  const { line, col } = lineCounter.linePos(offset);
  return { line, column: col };
}

function keyOf({ key }: Pair): string {
  return isScalar(key) ? String(key.value) : "";
}

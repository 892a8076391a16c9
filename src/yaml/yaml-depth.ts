import { Parser, type CST } from "yaml";

/**
 * Where a YAML text first has more levels than allowed; undefined when it has not. Looks at the syntax alone and calls nothing for
 * each level, because what makes values of it does, and ends the whole process when a text is deep enough.
 */
export function tooDeepAt(text: string, maxLevels: number): number | undefined {
  const open: [token: CST.Token, level: number][] = [];
  for (const document of new Parser().parse(text)) {
    if (document.type === "document" && document.value !== undefined) open.push([document.value, 0]);
  }
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const [token, level] = next;
    if (level > maxLevels) return token.offset;
    if (!("items" in token)) continue;
    for (const { key, value } of token.items as CST.BlockMap["items"]) {
      if (key != null) open.push([key, level + 1]);
      if (value !== undefined) open.push([value, level + 1]);
    }
  }
  return undefined;
}

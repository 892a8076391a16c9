import { CST, Lexer, Parser } from "yaml";
import { yamlErrorAt } from "./yaml-error.js";

/**
 * The offset where a YAML text first exceeds the allowed number of levels; undefined when it does not. Looks at the syntax alone and
 * does not recurse: building values recurses for each level, and a text that is deep enough would end the process.
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

/** Tokens of the lexer that stand for no characters of the text. */
const MARKS: readonly string[] = [CST.DOCUMENT, CST.FLOW_END, CST.SCALAR];

/**
 * Refuses a text with more than `maxTokens` tokens before anything is built of them: parsing one takes 10 to 20 µs and some 300 bytes,
 * whatever it contains. Stops reading at the limit.
 *
 * @throws YamlError
 */
export function checkTokens(text: string, maxTokens: number): void {
  let tokens = 0;
  let offset = 0;
  for (const token of new Lexer().lex(text)) {
    if (MARKS.includes(token)) continue;
    tokens += 1;
    if (tokens > maxTokens) {
      throw yamlErrorAt(text, offset, `more than ${maxTokens} words and marks: send JSON instead`);
    }
    offset += token.length;
  }
}
